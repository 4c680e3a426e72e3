"""Column contracts: which columns a table needs, what they are called in files, and what is wrong with them."""

from ecozones.schema.conforming import conform
from ecozones.schema.contract import Column, Table, settings, table
from ecozones.schema.land_class_codes import land_class_collisions, land_class_schemes, land_classes
from ecozones.schema.matching import match_columns, restore_cut, restore_cut_units
from ecozones.schema.personal import drop_personal, personal_columns
from ecozones.schema.problems import problem_rows, refuse
from ecozones.schema.values import as_text, column_values

__all__ = [
    "Column",
    "Table",
    "as_text",
    "column_values",
    "conform",
    "drop_personal",
    "land_class_collisions",
    "land_class_schemes",
    "land_classes",
    "match_columns",
    "personal_columns",
    "problem_rows",
    "refuse",
    "restore_cut",
    "restore_cut_units",
    "settings",
    "table",
]
