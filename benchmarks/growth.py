def draw(results):
    pass
