"""Definitions of the programming languages whose syntax is known, and where a text's language is found by name or by file.

What the patterns and places in them mean is said in language.py.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePosixPath

from tokenscope_trace.languages.language import Effects, Language, Names, Notation, Rules, Units

_PYTHON = Rules(
    units=Units(
        functions="function_definition lambda",
        classes="class_definition",
        continued="if_statement try_statement for_statement while_statement match_statement",
        continuations="elif else except finally",
        quotes="\"\"\" '''",
        line_ends=True,
        indented=True,
    ),
    notation=Notation(
        comments="comment line_continuation",
        hulls="parenthesized_expression tuple_pattern/!, argument_list/generator_expression",
        kept="assignment.left/type parameters.-",
        silent="module.; block.; tuple.( tuple.) tuple_pattern.( tuple_pattern.) with_clause.( with_clause.) "
        "import_from_statement.( import_from_statement.)",
        commas="argument_list parameters list dictionary set list_pattern import_from_statement with_clause",
        tuples="tuple tuple_pattern expression_list pattern_list",
        synonyms="expression_list=tuple pattern_list=tuple_pattern",
        strings="string",
        exact="string format_specifier",
    ),
    names=Names(
        properties="attribute.attribute keyword_argument.name keyword_pattern.-",
        binds="parameters.- lambda_parameters.- typed_parameter.- default_parameter.name typed_default_parameter.name "
        "assignment.left augmented_assignment.left for_statement.left for_in_clause.left as_pattern.alias "
        "as_pattern.-/case_pattern case_pattern.- function_definition.name class_definition.name",
        binds_function="named_expression.name",
        patterns="list_splat_pattern.- dictionary_splat_pattern.- pattern_list.- tuple_pattern.- list_pattern.- "
        "as_pattern_target.- as_pattern.-/case_pattern tuple.- list.- list_splat.- parenthesized_expression.- case_pattern.- "
        "dotted_name.-/!. splat_pattern.- union_pattern.- dict_pattern.value keyword_pattern.-",
        outside="function_definition.name function_definition.return_type default_parameter.value "
        "typed_default_parameter.value typed_default_parameter.type typed_parameter.type class_definition.name "
        "class_definition.superclasses",
        first_outside="for_in_clause.right",
        scopes="*_comprehension generator_expression",
        fixed="global_statement nonlocal_statement import_statement import_from_statement",
        mentions="interpolation/=",
        never="__*__",
        in_order=False,
    ),
    effects=Effects(
        calls="call.function",
        imports="import_statement import_from_statement future_import_statement",
        control="if_statement elif_clause else_clause for_statement while_statement try_statement except_clause finally_clause "
        "with_statement match_statement case_clause return_statement break_statement continue_statement raise_statement yield "
        "await conditional_expression",
        literals="string concatenated_string integer float",
    ),
)
_SCRIPT = Rules(
    units=Units(
        functions="function_declaration function_expression generator_function* arrow_function method_definition",
        classes="class_body class_declaration class",
        continued="if_statement try_statement do_statement",
        continuations="else catch finally while",
        closers="( ) [ ] { } ${ }",
        elements="jsx_opening_element jsx_closing_element",
        quotes="` */",
    ),
    notation=Notation(
        comments="comment html_comment",
        hulls="parenthesized_expression",
        kept="member_expression.object call_expression.function subscript_expression.object new_expression.constructor "
        "expression_statement.-",
        silent="expression_statement.; return_statement.; break_statement.; continue_statement.; throw_statement.; do_statement.; "
        "debugger_statement.; import_statement.; export_statement.; *_declaration.; class_body.;",
        commas="arguments formal_parameters array object array_pattern object_pattern named_imports export_clause",
        strings="string",
        exact="string template_string regex jsx_element",
    ),
    names=Names(
        leaves="identifier shorthand_property_identifier shorthand_property_identifier_pattern",
        shorthands="jsx_*.name",
        binds="lexical_declaration.- formal_parameters.- arrow_function.parameter for_in_statement.left/const "
        "for_in_statement.left/let catch_clause.parameter function_declaration.name generator_function_declaration.name "
        "class_declaration.name function_expression.name",
        binds_function="variable_declaration.- for_in_statement.left/var",
        patterns="variable_declarator.name array_pattern.- object_pattern.- pair_pattern.value rest_pattern.- "
        "assignment_pattern.left object_assignment_pattern.left",
        outside="function_declaration.name generator_function_declaration.name class_declaration.name class_declaration.-",
        scopes="statement_block for_statement for_in_statement catch_clause switch_body class_static_block",
        fixed="import_statement export_specifier",
        in_order=False,
    ),
    effects=Effects(
        calls="call_expression.function new_expression.constructor",
        imports="import_statement",
        control="if_statement else_clause for_*statement while_statement do_statement switch_statement switch_case switch_default "
        "try_statement catch_clause finally_clause return_statement break_statement continue_statement throw_statement "
        "yield_expression await_expression ternary_expression labeled_statement",
        literals="string template_string number regex",
    ),
)
_TYPED_SCRIPT = Rules(
    units=replace(_SCRIPT.units, elements="", classes="class_body class_declaration abstract_class_declaration class"),
    notation=replace(
        _SCRIPT.notation, kept=_SCRIPT.notation.kept + " non_null_expression.-", exact="string template_string regex"
    ),
    names=replace(
        _SCRIPT.names,
        types="type_identifier",
        declares="class_declaration.name abstract_class_declaration.name interface_declaration.name type_alias_declaration.name "
        "enum_declaration.name",
        binds=_SCRIPT.names.binds + " required_parameter.pattern optional_parameter.pattern",
        scopes=_SCRIPT.names.scopes
        + " function_type call_signature construct_signature method_signature function_signature "
        "constructor_type abstract_method_signature",
    ),
    effects=_SCRIPT.effects,
)
_JAVA = Rules(
    units=Units(
        functions="method_declaration constructor_declaration compact_constructor_declaration lambda_expression",
        classes="class_body interface_body enum_body enum_body_declarations class_declaration interface_declaration "
        "enum_declaration record_declaration",
        continued="if_statement try_statement try_with_resources_statement do_statement",
        continuations="else catch finally while",
        closers="( ) [ ] { }",
        unclosed="try:catch|finally:finally{} do:while:while(0);",
        quotes='""" */',
    ),
    notation=Notation(
        comments="line_comment block_comment",
        hulls="parenthesized_expression",
        kept="expression_statement.-",
        commas="array_initializer element_value_array_initializer enum_body",
        exact="string_literal template_expression",
    ),
    names=Names(
        types="type_identifier",
        declares="method_declaration.name constructor_declaration.name compact_constructor_declaration.name class_declaration.name "
        "interface_declaration.name enum_declaration.name record_declaration.name",
        filewide="method_invocation.name method_declaration.name constructor_declaration.name compact_constructor_declaration.name "
        "*_declaration.name",
        properties="field_access.field method_invocation.name/. annotation.name marker_annotation.name "
        "element_value_pair.key labeled_statement.- break_statement.- "
        "continue_statement.- record_pattern.-",
        shorthands="switch_label.-",
        binds="formal_parameter.name spread_parameter.- local_variable_declaration.declarator enhanced_for_statement.name "
        "catch_formal_parameter.name resource.name inferred_parameters.- lambda_expression.parameters instanceof_expression.name "
        "type_pattern.- record_pattern_component.- field_declaration.declarator",
        patterns="variable_declarator.name",
        late="enhanced_for_statement.value",
        scopes="block constructor_body for_statement enhanced_for_statement catch_clause try_with_resources_statement switch_block "
        "switch_rule static_initializer",
    ),
    effects=Effects(
        calls="method_invocation.object method_invocation.name object_creation_expression.type explicit_constructor_invocation.constructor",
        imports="import_declaration",
        control="if_statement for_statement enhanced_for_statement while_statement do_statement switch_expression "
        "switch_block_statement_group switch_rule try_statement try_with_resources_statement catch_clause finally_clause "
        "return_statement break_statement continue_statement throw_statement yield_statement ternary_expression labeled_statement "
        "synchronized_statement",
        literals="*_literal",
    ),
)
_GO = Rules(
    units=Units(
        functions="function_declaration method_declaration func_literal",
        continued="if_statement",
        continuations="else",
        quotes="` */",
        line_ends=True,
    ),
    notation=Notation(
        hulls="parenthesized_expression",
        silent="source_file.; statement_list.; field_declaration_list.; import_spec_list.; type_case.; expression_case.; "
        "default_case.; communication_case.; block.;",
        commas="argument_list literal_value parameter_list",
        exact="interpreted_string_literal raw_string_literal",
    ),
    names=Names(
        types="type_identifier",
        declares="type_spec.name",
        shorthands="keyed_element.key",
        outside="function_declaration.name",
        binds="function_declaration.name parameter_declaration.name variadic_parameter_declaration.name short_var_declaration.left var_spec.name "
        "const_spec.name range_clause.left/:= type_switch_statement.alias receive_statement.left/:=",
        patterns="expression_list.-",
        late="short_var_declaration.right var_spec.value const_spec.value range_clause.right receive_statement.right "
        "type_switch_statement.value",
        scopes="block for_statement if_statement expression_switch_statement type_switch_statement select_statement "
        "expression_case default_case type_case communication_case function_type method_elem",
    ),
    effects=Effects(
        calls="call_expression.function",
        imports="import_spec",
        control="if_statement for_statement expression_switch_statement type_switch_statement select_statement expression_case "
        "default_case type_case communication_case return_statement break_statement continue_statement goto_statement "
        "fallthrough_statement defer_statement go_statement labeled_statement",
        literals="*_literal",
    ),
)
_RUST = Rules(
    units=Units(
        functions="function_item closure_expression",
        classes="impl_item trait_item mod_item declaration_list",
        continued="if_expression expression_statement let_declaration",
        continuations="else",
        quotes='" */',
    ),
    notation=Notation(
        comments="line_comment block_comment",
        hulls="parenthesized_expression",
        kept="call_expression.function expression_statement.-",
        silent="match_arm.,",
        commas="arguments parameters use_list struct_pattern field_initializer_list field_declaration_list enum_variant_list "
        "array_expression slice_pattern tuple_struct_pattern closure_parameters type_arguments type_parameters",
        tuples="tuple_expression tuple_pattern tuple_type",
        exact="string_literal raw_string_literal",
    ),
    names=Names(
        leaves="identifier shorthand_field_identifier",
        types="type_identifier",
        declares="const_item.name static_item.name struct_item.name enum_item.name union_item.name trait_item.name type_item.name "
        "macro_definition.name",
        filewide="scoped_identifier.path macro_invocation.macro macro_definition.name const_item.name static_item.name",
        properties="scoped_use_list.path label.-",
        shorthands="shorthand_field_initializer.-",
        binds="parameter.pattern closure_parameters.- let_declaration.pattern for_expression.pattern let_condition.pattern "
        "match_arm.pattern function_item.name",
        patterns="match_pattern.- tuple_pattern.- tuple_struct_pattern.- reference_pattern.- struct_pattern.- field_pattern.pattern "
        "field_pattern.name ref_pattern.- mut_pattern.- slice_pattern.- captured_pattern.- or_pattern.-",
        outside="function_item.name if_expression.alternative",
        late="let_declaration.value let_declaration.alternative for_expression.value let_condition.value",
        scopes="block for_expression while_expression if_expression match_arm",
        fixed="use_declaration",
        mentions="string_content",
        mention=r"\{(\w+)",
        raw="token_tree",
        never="[A-Z]*",
    ),
    effects=Effects(
        calls="call_expression.function macro_invocation.macro",
        imports="use_declaration extern_crate_declaration",
        control="if_expression else_clause for_expression while_expression loop_expression match_expression match_arm "
        "return_expression break_expression continue_expression await_expression try_expression yield_expression",
        literals="*_literal",
    ),
)
_C = Rules(
    units=Units(
        functions="function_definition",
        continued="if_statement do_statement",
        continuations="else while",
        closers="( ) [ ] { }",
        unclosed="do:while:while(0);",
        quotes="*/",
    ),
    notation=Notation(
        hulls="parenthesized_expression",
        kept="call_expression.function expression_statement.-",
        commas="initializer_list enumerator_list",
        exact="string_literal char_literal",
    ),
    names=Names(
        types="type_identifier",
        declares="function_declarator.declarator struct_specifier.name/field_declaration_list "
        "union_specifier.name/field_declaration_list enum_specifier.name/enumerator_list type_definition.declarator "
        "preproc_def.name preproc_function_def.name enumerator.name",
        filewide="function_declarator.declarator preproc_def.name preproc_function_def.name enumerator.name",
        properties="preproc_ifdef.name preproc_elifdef.name preproc_defined.-",
        binds="parameter_declaration.declarator declaration.declarator/!storage_class_specifier",
        patterns="init_declarator.declarator pointer_declarator.declarator array_declarator.declarator",
        scopes="compound_statement for_statement",
        mentions="preproc_arg",
    ),
    effects=Effects(
        calls="call_expression.function",
        imports="preproc_include",
        control="if_statement else_clause for_statement while_statement do_statement switch_statement case_statement "
        "return_statement break_statement continue_statement goto_statement labeled_statement conditional_expression",
        literals="*_literal concatenated_string",
    ),
)
_CPP = Rules(
    units=replace(
        _C.units,
        functions="function_definition lambda_expression",
        classes="class_specifier struct_specifier field_declaration_list namespace_definition declaration_list",
        continued="if_statement do_statement try_statement",
        continuations="else while catch",
        closers="( ) [ ] { }",
        unclosed="do:while:while(0); try:catch:catch(...){}",
    ),
    notation=replace(
        _C.notation,
        kept="call_expression.function expression_statement.- decltype.- pointer_expression.argument return_statement.-",
        exact="string_literal char_literal raw_string_literal",
    ),
    names=replace(
        _C.names,
        types="type_identifier namespace_identifier",
        declares=_C.names.declares
        + " namespace_definition.name class_specifier.name/field_declaration_list alias_declaration.name concept_definition.name",
        binds=_C.names.binds + " optional_parameter_declaration.declarator for_range_loop.declarator "
        "lambda_capture_initializer.left",
        patterns=_C.names.patterns + " reference_declarator.- structured_binding_declarator.-",
        outside="lambda_capture_initializer.right",
        late="for_range_loop.right",
        scopes="compound_statement for_statement for_range_loop catch_clause if_statement while_statement switch_statement",
    ),
    effects=replace(
        _C.effects,
        calls="call_expression.function new_expression.type",
        imports="preproc_include using_declaration",
        control=_C.effects.control + " for_range_loop try_statement catch_clause throw_statement co_return_statement "
        "co_yield_statement co_await_expression",
    ),
)
_BASH = Rules(
    units=Units(
        functions="function_definition",
        closers="( ) [ ] { } [[ ]] (( )) $( ) ${ } $(( )) if fi do done case esac",
        quotes="' \"",
        heredoc=r"<<-?[ \t]*['\"\\]?(\w+)",
        line_ends=True,
    ),
    notation=Notation(
        silent="program.; compound_statement.; do_group.; if_statement.; elif_clause.; else_clause.; case_item.; "
        "while_statement.; subshell.; for_statement.; command_substitution.;",
        exact="string raw_string heredoc_body translated_string ansi_c_string",
    ),
    names=Names(
        leaves="variable_name",
        declares="function_definition.name",
        filewide="function_definition.name command_name.-",
        binds="variable_assignment.name for_statement.variable",
        patterns="subscript.name",
        fixed="declaration_command/export declaration_command/readonly declaration_command/declare declaration_command/typeset "
        "command.- unset_command",
        mentions="word raw_string",
        never="PATH HOME IFS PS[0-9] BASH* LANG LC_* RANDOM SECONDS OPT* REPLY PWD OLDPWD USER SHELL TERM HOST* UID EUID",
        in_order=False,
        whole_file=True,
    ),
    effects=Effects(
        calls="command.name",
        control="if_statement elif_clause else_clause for_statement c_style_for_statement while_statement case_statement case_item "
        "list ternary_expression",
        jumps="return break continue exit",
        literals="string raw_string number",
    ),
)
_JSON = Rules(notation=Notation(exact="string"), names=Names(leaves=""))
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
    _TYPED_SCRIPT,
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
        rules=_PYTHON,
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
        rules=_SCRIPT,
    ),
    _TYPESCRIPT,
    replace(
        _TYPESCRIPT,
        name="tsx",
        suffixes=".tsx",
        fences="tsx",
        expressions=f"{_TYPESCRIPT.expressions} jsx_element jsx_self_closing_element",
        function="language_tsx",
        rules=replace(
            _TYPED_SCRIPT,
            units=replace(_TYPED_SCRIPT.units, elements=_SCRIPT.units.elements),
            notation=replace(_TYPED_SCRIPT.notation, exact=_SCRIPT.notation.exact),
        ),
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
        rules=_JAVA,
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
        rules=_GO,
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
        rules=_RUST,
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
        rules=_C,
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
        rules=_CPP,
    ),
    Language(
        "json",
        "tree_sitter_json",
        ".json",
        "json",
        "array false null number object string true",
        "pair",
        "object array",
        rules=_JSON,
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
        rules=_BASH,
    ),
)


def by_name(name: str) -> Language | None:
    """The language of a name as on a command line or behind a Markdown fence."""
    wanted = name.strip().lower()
    return next((language for language in LANGUAGES if wanted == language.name or wanted in language.fences.split()), None)


def by_file(source: str) -> Language | None:
    """The language of a file's suffix."""
    suffix = PurePosixPath(source).suffix.lower()
    return next((language for language in LANGUAGES if suffix and suffix in language.suffixes.split()), None)
