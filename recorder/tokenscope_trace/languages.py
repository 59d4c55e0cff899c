"""The programming languages whose syntax is known: where their grammars come from, and what their kinds of nodes are for a reader.

Kinds are given as patterns over the grammar's own names (`*_statement`), so that none can be listed that does not exist. Imports
no grammar before a text of its language is parsed.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import cache
from pathlib import PurePosixPath

import tree_sitter


@dataclass(frozen=True)
class Language:
    """One language. `package` and `function` give its grammar; the patterns say which kinds are what.

    A block is what has lines of its own under one head: a function, a class, a loop, one arm of a branch. An arm is a block that
    goes on where its parent's own part ends: `elif` is not part of `if`.
    """

    name: str
    package: str
    suffixes: str
    fences: str
    expressions: str
    statements: str
    blocks: str
    arms: str = ""
    function: str = "language"


_TYPESCRIPT = Language(
    "typescript",
    "tree_sitter_typescript",
    ".ts .mts .cts",
    "typescript ts mts",
    "*_expression array arrow_function false identifier null number object regex string super template_string this true undefined",
    "*_statement *_declaration method_definition public_field_definition function_signature",
    "catch_clause else_clause finally_clause arrow_function abstract_class_declaration class_declaration class do_statement enum_declaration for_*statement "
    "function_declaration function_expression generator_function* if_statement interface_declaration method_definition "
    "switch_case switch_default try_statement while_statement with_statement",
    "catch_clause else_clause finally_clause",
    "language_typescript",
)
LANGUAGES = (
    Language(
        "python",
        "tree_sitter_python",
        ".py .pyi .pyw",
        "python py python3 py3",
        "*_operator attribute await call concatenated_string conditional_expression dictionary dictionary_comprehension ellipsis "
        "expression_list false float generator_expression identifier integer lambda list list_comprehension list_splat "
        "named_expression none parenthesized_expression set set_comprehension slice string subscript true tuple yield",
        "*_statement assignment augmented_assignment class_definition decorated_definition function_definition",
        "case_clause class_definition elif_clause else_clause except_clause finally_clause for_statement function_definition "
        "if_statement try_statement while_statement with_statement",
        "elif_clause else_clause except_clause finally_clause",
    ),
    Language(
        "javascript",
        "tree_sitter_javascript",
        ".js .mjs .cjs .jsx",
        "javascript js jsx mjs",
        "*_expression array arrow_function false identifier jsx_element jsx_self_closing_element null number object regex string super "
        "template_string this true undefined",
        "*_statement *_declaration method_definition field_definition",
        "catch_clause else_clause finally_clause arrow_function class_declaration class do_statement for_*statement function_* generator_function* if_statement "
        "method_definition switch_case switch_default try_statement while_statement with_statement",
        "catch_clause else_clause finally_clause",
    ),
    _TYPESCRIPT,
    replace(
        _TYPESCRIPT,
        name="tsx",
        suffixes=".tsx",
        fences="tsx",
        expressions=f"{_TYPESCRIPT.expressions} jsx_element jsx_self_closing_element",
        function="language_tsx",
    ),
    Language(
        "java",
        "tree_sitter_java",
        ".java",
        "java",
        "*_expression *_literal array_access array_initializer false field_access identifier method_invocation method_reference this true",
        "*_statement *_declaration",
        "catch_clause class_declaration compact_constructor_declaration constructor_declaration do_statement enhanced_for_statement "
        "enum_declaration finally_clause for_statement if_statement interface_declaration lambda_expression method_declaration "
        "record_declaration static_initializer switch_block_statement_group switch_rule synchronized_statement try_*statement "
        "while_statement",
        "catch_clause finally_clause",
    ),
    Language(
        "go",
        "tree_sitter_go",
        ".go",
        "go golang",
        "*_expression *_literal composite_literal false func_literal identifier iota nil true",
        "*_statement *_declaration package_clause",
        "communication_case default_case expression_case for_statement func_literal function_declaration if_statement "
        "method_declaration type_case",
    ),
    Language(
        "rust",
        "tree_sitter_rust",
        ".rs",
        "rust rs",
        "*_expression *_literal compound_assignment_expr identifier macro_invocation self",
        "*_item *_declaration expression_statement empty_statement macro_definition",
        "async_block closure_expression const_block else_clause enum_item for_expression function_item gen_block if_expression "
        "impl_item loop_expression match_arm mod_item struct_item trait_item try_block union_item unsafe_block while_expression",
        "else_clause",
    ),
    Language(
        "c",
        "tree_sitter_c",
        ".c .h",
        "c h",
        "*_expression *_literal concatenated_string false identifier null true",
        "*_statement declaration function_definition type_definition preproc_def preproc_function_def preproc_include",
        "case_statement do_statement else_clause enum_specifier for_statement function_definition if_statement struct_specifier "
        "union_specifier while_statement",
        "else_clause",
    ),
    Language(
        "cpp",
        "tree_sitter_cpp",
        ".cc .cpp .cxx .hh .hpp .hxx",
        "cpp c++ cxx cc hpp",
        "*_expression *_literal concatenated_string false identifier null this true user_defined_literal",
        "*_statement *_declaration declaration function_definition type_definition namespace_definition template_declaration "
        "preproc_def preproc_function_def preproc_include",
        "case_statement catch_clause class_specifier do_statement else_clause enum_specifier for_range_loop for_statement "
        "function_definition if_statement lambda_expression namespace_definition struct_specifier try_statement union_specifier "
        "while_statement",
        "catch_clause else_clause",
    ),
    Language(
        "json", "tree_sitter_json", ".json", "json", "array false null number object string true", "pair", "object array"
    ),
    Language(
        "bash",
        "tree_sitter_bash",
        ".sh .bash",
        "bash sh shell",
        "*_expression *_expansion command_substitution concatenation number process_substitution raw_string string "
        "special_variable_name subscript variable_name word",
        "*_statement *_command command function_definition list pipeline variable_assignment",
        "c_style_for_statement case_item elif_clause else_clause for_statement function_definition if_statement subshell while_statement",
        "elif_clause else_clause",
    ),
)


@cache
def grammar(language: Language) -> tree_sitter.Language:
    """The grammar. Raises ImportError where its package is not installed."""
    return tree_sitter.Language(getattr(importlib.import_module(language.package), language.function)())


@cache
def kinds(language: Language, patterns: str) -> frozenset[str]:
    """The grammar's named kinds that match one of the patterns, which are separated by spaces."""
    known = grammar(language)
    names = {known.node_kind_for_id(i) for i in range(known.node_kind_count) if known.node_kind_is_named(i)}
    return frozenset(name for name in names if name and any(fnmatchcase(name, pattern) for pattern in patterns.split()))


def by_name(name: str) -> Language | None:
    """The language of a name as on a command line or behind a Markdown fence."""
    wanted = name.strip().lower()
    return next((language for language in LANGUAGES if wanted == language.name or wanted in language.fences.split()), None)


def by_file(source: str) -> Language | None:
    """The language of a file's suffix."""
    suffix = PurePosixPath(source).suffix.lower()
    return next((language for language in LANGUAGES if suffix and suffix in language.suffixes.split()), None)
