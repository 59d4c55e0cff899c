"""Syntax in words: a grammar's names of nodes and of their places, for a reader. Strings in, strings out; what is not listed keeps
its name.
"""

from __future__ import annotations

_KINDS = {
    "argument_list": "arguments",
    "arguments": "arguments",
    "binary_operator": "calculation",
    "boolean_operator": "condition with and or or",
    "comparison_operator": "comparison",
    "elif_clause": "elif branch",
    "else_clause": "else branch",
    "expression_statement": "statement",
    "formal_parameters": "parameters",
    "function_definition": "function",
    "function_declaration": "function",
    "class_definition": "class",
    "class_declaration": "class",
    "integer": "number",
    "float": "number",
    "not_operator": "negation",
    "pattern_list": "names",
    "unary_operator": "sign",
}
_PLACES = {  # (field, kind of the node that has it)
    ("left", "for_statement"): "loop variable of the for statement",
    ("left", "for_in_clause"): "loop variable of the comprehension",
    ("right", "for_statement"): "what the for statement goes through",
    ("right", "for_in_clause"): "what the comprehension goes through",
    ("left", "assignment"): "target of the assignment",
    ("left", "augmented_assignment"): "target of the assignment",
    ("left", "assignment_expression"): "target of the assignment",
    ("right", "assignment"): "value of the assignment",
    ("right", "augmented_assignment"): "value of the assignment",
    ("right", "assignment_expression"): "value of the assignment",
    ("function", "call"): "what is called",
    ("function", "call_expression"): "what is called",
    ("object", "attribute"): "what stands before the dot",
    ("object", "member_expression"): "what stands before the dot",
    ("attribute", "attribute"): "name after the dot",
    ("property", "member_expression"): "name after the dot",
    ("alternative", "if_statement"): "other branch of the if statement",
    ("consequence", "if_statement"): "body of the if statement",
    ("value", "subscript"): "what is indexed",
    ("subscript", "subscript"): "index",
}


def kind_in_words(kind: str) -> str:
    """A kind of node, such as `comparison` for comparison_operator."""
    return "name" if kind.endswith("identifier") else _KINDS.get(kind, kind.replace("_", " "))


def place_in_words(kind: str, field: str, above: str) -> str:
    """What a node is: by its place where that is listed, else its kind and its place as the grammar names them.

    `field` of a node of kind `above` holds it, empty for no field; `kind` is empty for a keyword or a sign.
    """
    if (field, above) in _PLACES:
        return _PLACES[field, above]
    own = kind_in_words(kind)
    place = kind_in_words(field)
    if not field or field == above or place == own:
        return own
    return ", ".join(part for part in (own, f"{place} of the {kind_in_words(above)}") if part)
