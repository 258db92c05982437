"""C files → ``tree.Unit``, by libclang with the commands that really compiled them.

Run as a program, in a process of its own: a source that makes the parser crash, eat memory or never end costs
that process, and is a finding. Reads a request from standard input, writes one line of JSON per file.
"""

import ctypes
import functools
import json
import os
import resource
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from clang import cindex

from toolchain.verify.c import tree
from toolchain.verify.c.flow import effort
from toolchain.verify.c.tree import (
    EMPTY,
    NOTHING,
    Block,
    Do,
    Expression,
    Function,
    Global,
    If,
    Jump,
    Kind,
    Label,
    Loop,
    Statement,
    Switch,
    Try,
    Unit,
    Variable,
)

MAX_DEPTH = 300
"""Levels of nested statements and expressions; the compiler itself stops at 256 brackets."""

MAX_EFFORT = 1 << 18
"""Statements that rules visit when they follow one function: each loop around others doubles them."""

_SKIPPED_WITH_VALUE = frozenset({"-o", "-MF", "-MT", "-MQ", "-B", "-resource-dir"})
_SKIPPED = frozenset({"-c", "-MD", "-MMD", "-MP", "-Werror"})

_CONSTANTS = tuple(
    f"-D__{sign}INT{width}_C(c)=c{suffix}"
    for sign in ("", "U")
    for width, suffix in (("8", ""), ("16", ""), ("32", ""), ("64", f"##{sign}LL"), ("MAX", f"##{sign}LL"))
)
"""Predefined by the compilers whose headers use them; this parser is older. Nothing else depends on them."""

_STRICTER = tuple(
    f"-Wno-error={name}"
    for name in (
        *("implicit-function-declaration", "implicit-int", "int-conversion"),
        *("incompatible-function-pointer-types", "incompatible-pointer-types", "return-type"),
    )
)
"""Errors of this parser, and warnings of older compilers: ``build-no-warnings`` reports them as such."""

_TRY = "struct try_context_s"

_KINDS = cindex.CursorKind
_BINARY = (
    *("", ".*", "->*", "*", "/", "%", "+", "-", "<<", ">>", "<=>", "<", ">", "<=", ">=", "==", "!=", "&"),
    *("^", "|", "&&", "||", "=", "*=", "/=", "%=", "+=", "-=", "<<=", ">>=", "&=", "^=", "|=", ","),
)
"""By number of CXBinaryOperatorKind."""

_UNARY = ("", "++", "--", "++", "--", "&", "*", "+", "-", "~", "!")
"""By number of CXUnaryOperatorKind."""

_NO_LINKAGE = 1
_STATIC = 3  # CX_SC_Static
_ERROR = 3  # CXDiagnostic_Error

_lib = cindex.conf.lib
_lib.clang_getCursorBinaryOperatorKind.argtypes = [cindex.Cursor]
_lib.clang_getCursorBinaryOperatorKind.restype = ctypes.c_int
_lib.clang_getCursorUnaryOperatorKind.argtypes = [cindex.Cursor]
_lib.clang_getCursorUnaryOperatorKind.restype = ctypes.c_int
_lib.clang_getFileLocation.argtypes = [cindex.SourceLocation] + [ctypes.c_void_p] * 4
_lib.clang_getFileLocation.restype = None
_lib.clang_Cursor_getStorageClass.argtypes = [cindex.Cursor]
_lib.clang_Cursor_getStorageClass.restype = ctypes.c_int
_lib.clang_getCursorLinkage.argtypes = [cindex.Cursor]
_lib.clang_getCursorLinkage.restype = ctypes.c_int
_lib.clang_Cursor_Evaluate.argtypes = [cindex.Cursor]
_lib.clang_Cursor_Evaluate.restype = ctypes.c_void_p
_lib.clang_EvalResult_getAsLongLong.argtypes = [ctypes.c_void_p]
_lib.clang_EvalResult_getAsLongLong.restype = ctypes.c_longlong
_lib.clang_EvalResult_dispose.argtypes = [ctypes.c_void_p]
_lib.clang_EvalResult_dispose.restype = None

_Visitor = ctypes.CFUNCTYPE(ctypes.c_int, cindex.Cursor, cindex.Cursor, ctypes.py_object)


@_Visitor  # type: ignore[untyped-decorator] # ctypes makes it at run time
def _append(child: cindex.Cursor, _parent: cindex.Cursor, found: "list[cindex.Cursor]") -> int:
    found.append(child)
    return 1  # go on beside it, not into it


@_Visitor  # type: ignore[untyped-decorator] # as above
def _append_references(child: cindex.Cursor, _parent: cindex.Cursor, found: "list[cindex.Cursor]") -> int:
    if child._kind_id == _REFERENCE:
        found.append(child)
    return 2  # into it


def _number(kind: cindex.CursorKind) -> int:
    return int(kind.value)


_FUNCTION = _number(_KINDS.FUNCTION_DECL)
_VARIABLE = _number(_KINDS.VAR_DECL)
_PARAMETER = _number(_KINDS.PARM_DECL)
_BLOCK = _number(_KINDS.COMPOUND_STMT)
_CALL = _number(_KINDS.CALL_EXPR)
_REFERENCE = _number(_KINDS.DECL_REF_EXPR)
_MEMBER = _number(_KINDS.MEMBER_REF_EXPR)
_WRAPPED = frozenset(
    map(
        _number,
        (_KINDS.UNEXPOSED_EXPR, _KINDS.PAREN_EXPR, _KINDS.CSTYLE_CAST_EXPR, _KINDS.GENERIC_SELECTION_EXPR),
    )
)
_CAST = _number(_KINDS.CSTYLE_CAST_EXPR)
_LITERALS = frozenset(map(_number, (_KINDS.INTEGER_LITERAL, _KINDS.CHARACTER_LITERAL)))
_STRING = _number(_KINDS.STRING_LITERAL)
_INDEX = _number(_KINDS.ARRAY_SUBSCRIPT_EXPR)
_UNARY_OPERATOR = _number(_KINDS.UNARY_OPERATOR)
_BINARY_OPERATORS = frozenset(map(_number, (_KINDS.BINARY_OPERATOR, _KINDS.COMPOUND_ASSIGNMENT_OPERATOR)))
_SIZEOF = _number(_KINDS.CXX_UNARY_EXPR)
_FIRST_EXPRESSION, _LAST_EXPRESSION = 100, 199
_FIRST_STATEMENT, _LAST_STATEMENT = 200, 299
_BODIES = _number(_KINDS.StmtExpr)


class _TooDeepError(Exception):
    """What is nested deeper than anybody reads it: statements or expressions, if nothing else is said."""

    def __init__(self, what: str = f"statements of {{}} are nested more than {MAX_DEPTH} deep") -> None:
        super().__init__(what)
        self.what = what


class _Parser:
    """Turns one translation unit of libclang into ours."""

    def __init__(self, unit: cindex.TranslationUnit, root: str, directory: str) -> None:
        self._unit = unit
        self._root = root
        self._directory = directory
        self._paths: dict[int, str] = {}
        self._fields: dict[str, tuple[tuple[str, int], ...]] = {}
        self._variables: list[Variable] = []
        self._line = ctypes.c_uint()
        self._column = ctypes.c_uint()
        self._file = ctypes.c_void_p()

    # What stands in the file

    def read(self, path: str) -> Unit:
        """The whole of it."""
        functions: list[Function] = []
        variables: list[Global] = []
        errors: list[tuple[str, int, str]] = []
        for cursor in self._children(self._unit.cursor):
            kind = cursor._kind_id
            # Nearly all are declarations of the SDK's functions.
            if kind != _VARIABLE and not (kind == _FUNCTION and cursor.is_definition()):
                continue
            line, _, where = self._place(cursor)
            if not where:
                continue
            if kind == _VARIABLE:
                variables.append(self._global(cursor, where, line))
            else:
                try:
                    functions.append(self._function(cursor, where, line))
                except _TooDeepError as e:
                    errors.append((where, line, e.what.format(cursor.spelling)))
        # The includes are without the file itself.
        names = {str(self._unit.spelling), *(str(i.include.name) for i in self._unit.get_includes())}
        read = {os.path.normpath(Path(self._directory, name)) for name in names}
        return Unit(
            path,
            tuple(functions),
            tuple(variables),
            (*self._errors(path), *errors),
            tuple(sorted(read)),
        )

    def _errors(self, path: str) -> Iterator[tuple[str, int, str]]:
        for said in self._unit.diagnostics:
            if said.severity >= _ERROR:
                at = said.location
                where = self._relative(str(at.file.name)) if at.file else ""
                yield (where or path, at.line if where else 0, str(said.spelling))

    def _relative(self, name: str) -> str:
        """Relative to the app's folder; empty for what is not in there."""
        path, inside = os.path.realpath(Path(self._directory, name)), self._root + "/"
        return path.removeprefix(inside) if path.startswith(inside) else ""

    def _place(self, cursor: cindex.Cursor) -> tuple[int, int, str]:
        """Line, column and file (empty outside of the app) where a person finds it."""
        line, column = self._line, self._column
        location = _lib.clang_getCursorLocation(cursor)
        _lib.clang_getFileLocation(
            location, ctypes.byref(self._file), ctypes.byref(line), ctypes.byref(column), None
        )
        address = self._file.value or 0
        if address not in self._paths:
            file = cindex.File(ctypes.cast(self._file, cindex.c_object_p))
            name = _lib.clang_getFileName(file) if address else ""
            self._paths[address] = self._relative(str(name)) if name else ""
        return line.value, column.value, self._paths[address]

    def _children(self, cursor: cindex.Cursor) -> list[cindex.Cursor]:
        found: list[cindex.Cursor] = []
        _lib.clang_visitChildren(cursor, _append, found)
        for child in found:
            child._tu = self._unit
        return found

    def _global(self, cursor: cindex.Cursor, where: str, line: int) -> Global:
        references: list[cindex.Cursor] = []
        _lib.clang_visitChildren(cursor, _append_references, references)
        named: set[str] = set()
        for reference in references:
            reference._tu = self._unit
            target = reference.referenced
            if target is not None and target._kind_id == _FUNCTION:
                named.add(str(reference.spelling))
        kind = cursor.type.get_canonical()
        while kind.kind in (cindex.TypeKind.CONSTANTARRAY, cindex.TypeKind.POINTER):
            kind = (
                kind.element_type if kind.kind == cindex.TypeKind.CONSTANTARRAY else kind.get_pointee()
            ).get_canonical()
        record = str(kind.spelling)  # one without a name is called by its place
        if record not in self._fields:
            self._fields[record] = tuple((str(f.spelling), self._place(f)[0]) for f in kind.get_fields())
        return Global(
            str(cursor.spelling),
            where,
            line,
            str(cursor.type.spelling),
            self._fields[record],
            tuple(sorted(named)),
        )

    def _function(self, cursor: cindex.Cursor, where: str, line: int) -> Function:
        parameters, body = [], EMPTY
        self._variables = []
        for child in self._children(cursor):
            if child._kind_id == _PARAMETER:
                parameters.append(self._variable(child))
            elif child._kind_id == _BLOCK:
                body = self._block(child, 0)
        if effort(body) > MAX_EFFORT:
            raise _TooDeepError("too many loops of {} are nested for anybody to follow them")
        return Function(
            str(cursor.spelling),
            where,
            line,
            int(cursor.extent.end.line),
            str(cursor.result_type.spelling),
            tuple(parameters),
            tuple(self._variables),
            tree.Names.of(body),
            tree.pack_body(body),
        )

    def _variable(self, cursor: cindex.Cursor) -> Variable:
        kind = cursor.type
        return Variable(
            str(cursor.spelling),
            str(kind.get_canonical().spelling),
            max(0, kind.get_size()),
            _lib.clang_Cursor_getStorageClass(cursor) == _STATIC,
            self._place(cursor)[0],
        )

    # Statements

    def _block(self, cursor: cindex.Cursor, depth: int) -> Block:
        children = self._children(cursor)
        if found := self._try(children, depth):
            return Block((found,))
        return Block(tuple(s for child in children for s in self._statements(child, depth + 1)))

    def _one(self, cursor: cindex.Cursor, depth: int) -> Statement:
        found = tuple(self._statements(cursor, depth + 1))
        return found[0] if len(found) == 1 else Block(found)

    def _statements(self, cursor: cindex.Cursor, depth: int) -> Iterator[Statement]:
        """What a statement is: nothing for an empty one, a label and more for a labelled one."""
        if depth > MAX_DEPTH:
            raise _TooDeepError
        kind = cursor._kind_id
        if _FIRST_EXPRESSION <= kind <= _LAST_EXPRESSION:
            yield Do(self._expression(cursor, depth))
            return
        match _KIND_OF.get(kind):
            case "block":
                block = self._block(cursor, depth)
                yield block.statements[0] if _is_try(block) else block
            case "declaration":
                for child in self._children(cursor):
                    if child._kind_id == _VARIABLE:
                        yield from self._declaration(child, depth)
            case "if":
                condition, then, *otherwise = self._children(cursor)
                yield If(
                    self._expression(condition, depth),
                    self._one(then, depth),
                    self._one(otherwise[0], depth) if otherwise else EMPTY,
                    self._place(cursor)[0],
                )
            case "while":
                condition, body = self._children(cursor)
                test = self._expression(condition, depth)
                yield Loop(EMPTY, test, NOTHING, self._one(body, depth), at_least_once=False)
            case "do":
                body, condition = self._children(cursor)
                test = self._expression(condition, depth)
                yield Loop(EMPTY, test, NOTHING, self._one(body, depth), at_least_once=True)
            case "for":
                yield self._for(cursor, depth)
            case "switch":
                head, body = self._children(cursor)
                inner = self._one(body, depth)
                block = inner if isinstance(inner, Block) else Block((inner,))
                yield Switch(self._expression(head, depth), block)
            case "case" | "default" as word:
                yield Label("", is_default=word == "default")
                yield from self._statements(self._children(cursor)[-1], depth + 1)
            case "label":
                yield Label(str(cursor.spelling), is_default=False)
                for child in self._children(cursor):
                    yield from self._statements(child, depth + 1)
            case "return" | "goto" | "break" | "continue" as word:
                yield self._jump(word, cursor, depth)
            case _:
                for child in self._children(cursor):  # attributes and the like around a statement
                    if child._kind_id >= _FIRST_EXPRESSION:
                        yield from self._statements(child, depth + 1)

    def _jump(self, word: str, cursor: cindex.Cursor, depth: int) -> Jump:
        children = self._children(cursor)
        label, value = "", NOTHING
        if word == "goto":
            label = str(children[0].spelling) if children else ""
        elif children:
            value = self._expression(children[0], depth)
        return Jump(word, label, value, self._place(cursor)[0])

    def _declaration(self, cursor: cindex.Cursor, depth: int) -> Iterator[Statement]:
        variable = self._variable(cursor)
        self._variables.append(variable)
        values = [c for c in self._children(cursor) if c._kind_id >= _FIRST_EXPRESSION]
        if values and not variable.type.endswith("]"):
            name = Expression("name", variable.name, variable.type)
            value = self._expression(values[-1], depth)
            yield Do(Expression("assign", "=", "", variable.line, 0, (name, value)))
        elif values:
            yield Do(self._expression(values[-1], depth))

    def _for(self, cursor: cindex.Cursor, depth: int) -> Loop:
        """Libclang leaves out what is empty: the parts are told apart by what they are."""
        *head, body = self._children(cursor)
        first: Block = EMPTY
        condition = step = NOTHING
        declares = bool(head) and head[0]._kind_id == _number(_KINDS.DECL_STMT)
        if len(head) == 3 or declares:
            first = Block(tuple(self._statements(head[0], depth + 1)))
            head = head[1:]
        for part in head:
            expression = self._expression(part, depth)
            changes = expression.kind == "assign" or expression.text in ("++", "--", ",")
            if not changes and condition is NOTHING:
                condition = expression
            elif changes and condition is NOTHING and len(head) == 2 and part is head[0]:
                first = Block((Do(expression),))
            else:
                step = expression
        return Loop(first, condition, step, self._one(body, depth), at_least_once=False)

    def _try(self, children: Sequence[cindex.Cursor], depth: int) -> Try | None:
        """BEGIN_TRY opens a block that declares a context; its branches hang on what setjmp returned."""
        context = any(self._is_context(c) for c in children if _KIND_OF.get(c._kind_id) == "declaration")
        if context:
            blocks = [n for n, c in enumerate(children) if _KIND_OF.get(c._kind_id) == "block"][:1]
            for n in blocks:  # the braces that stand between BEGIN_TRY and END_TRY
                children = [*children[:n], *self._children(children[n]), *children[n + 1 :]]
        branches = [n for n, c in enumerate(children) if _KIND_OF.get(c._kind_id) == "if"]
        if not context or not branches:
            return None
        _, then, *otherwise = self._children(children[branches[0]])
        catches: list[Block] = []
        catches_all = False
        while otherwise:
            clause = otherwise[0]
            if _KIND_OF.get(clause._kind_id) == "if":
                condition, body, *otherwise = self._children(clause)
                expression = self._expression(condition, depth)
                catches_all |= expression.kind == "number"
                catches.append(self._within(body, depth))
            else:
                catches.append(self._within(clause, depth))
                catches_all, otherwise = True, []
        behind = children[branches[0] + 1 :]
        if behind and _KIND_OF.get(behind[-1]._kind_id) == "if":
            behind = behind[:-1]  # what END_TRY throws again
        final = Block(tuple(s for child in behind for s in self._statements(child, depth + 1)))
        return Try(self._within(then, depth), tuple(catches), catches_all, final, self._place(children[0])[0])

    def _within(self, cursor: cindex.Cursor, depth: int) -> Block:
        """A clause, without the jump to FINALLY at its end."""
        found = tuple(self._statements(cursor, depth + 1))
        inner = found[0].statements if len(found) == 1 and isinstance(found[0], Block) else found
        if inner and isinstance(inner[-1], Jump) and inner[-1].word == "goto":
            inner = inner[:-1]
        return Block(tuple(inner))

    def _is_context(self, declaration: cindex.Cursor) -> bool:
        return any(
            child._kind_id == _VARIABLE and child.type.get_canonical().spelling == _TRY
            for child in self._children(declaration)
        )

    # Expressions

    def _expression(self, cursor: cindex.Cursor, depth: int) -> Expression:
        if depth > MAX_DEPTH:
            raise _TooDeepError
        kind = cursor._kind_id
        if kind in _WRAPPED:
            return self._wrapped(cursor, depth)
        if kind == _REFERENCE:
            return self._reference(cursor)
        if kind in _LITERALS:
            return Expression("number", str(_value(cursor)))
        if kind == _STRING:
            return Expression("string", str(cursor.spelling))
        if kind == _SIZEOF:
            return self._sizeof(cursor, depth)
        parts = self._parts(cursor, depth)
        if kind == _CALL:
            return self._call(cursor, parts)
        if kind == _MEMBER:
            if not parts:
                return Expression("global", str(cursor.spelling), _type(cursor))
            through: Kind = "pointee" if parts[0].type.endswith("*") else "member"
            return Expression(through, str(cursor.spelling), _type(cursor), 0, 0, parts)
        if kind == _INDEX and len(parts) == 2:
            line, column, _ = self._place(cursor)
            return Expression("index", "", _type(cursor), line, column, parts)
        if kind == _UNARY_OPERATOR and len(parts) == 1:
            operator = _UNARY[min(_lib.clang_getCursorUnaryOperatorKind(cursor), len(_UNARY) - 1)]
            return Expression("unary", operator, "", 0, 0, parts)
        if kind in _BINARY_OPERATORS and len(parts) == 2:
            number = _lib.clang_getCursorBinaryOperatorKind(cursor)
            operator = _BINARY[number] if number < len(_BINARY) else ""
            if operator.endswith("=") and operator not in ("==", "!=", "<=", ">="):
                return Expression("assign", operator, "", self._place(cursor)[0], 0, parts)
            return Expression("binary", operator, "", self._place(cursor)[0], 0, parts)
        return Expression("other", "", "", 0, 0, parts)

    def _parts(self, cursor: cindex.Cursor, depth: int) -> tuple[Expression, ...]:
        found: list[Expression] = []
        for child in self._children(cursor):
            if _FIRST_EXPRESSION <= child._kind_id <= _LAST_EXPRESSION:
                found.append(self._expression(child, depth + 1))
            elif _FIRST_STATEMENT <= child._kind_id <= _LAST_STATEMENT:  # ({ … })
                found += [e for s in self._statements(child, depth + 1) for e in tree.expressions(s)]
        return tuple(found)

    def _wrapped(self, cursor: cindex.Cursor, depth: int) -> Expression:
        parts = self._parts(cursor, depth)
        if len(parts) != 1:
            return Expression("other", "", "", 0, 0, parts)
        if cursor._kind_id == _CAST and cursor.type.kind == cindex.TypeKind.VOID:
            return Expression("void", "", "", 0, 0, parts)
        return parts[0]

    def _reference(self, cursor: cindex.Cursor) -> Expression:
        target = cursor.referenced
        name = str(cursor.spelling)
        if target is None:
            return Expression("name", name)
        if target._kind_id == _FUNCTION:
            return Expression("function", name, str(target.result_type.spelling))
        if target._kind_id == _number(_KINDS.ENUM_CONSTANT_DECL):
            return Expression("constant", name, str(target.enum_value))
        is_global = _lib.clang_getCursorLinkage(target) > _NO_LINKAGE
        return Expression("global" if is_global else "name", name, _type(cursor))

    def _call(self, cursor: cindex.Cursor, parts: tuple[Expression, ...]) -> Expression:
        line, column, _ = self._place(cursor)
        if not parts or parts[0].kind != "function":
            return Expression("indirect", "pic" * self._is_relocated(cursor), "", line, column, parts)
        callee, *arguments = parts
        if callee.text in ("pic", "PIC") and len(arguments) == 1:
            return arguments[0]
        return Expression("call", callee.text, callee.type, line, column, tuple(arguments))

    def _is_relocated(self, call: cindex.Cursor) -> bool:
        """Whether what is called has gone through PIC()."""
        pending = self._children(call)[:1]
        while pending:
            cursor = pending.pop()
            if cursor._kind_id == _CALL and cursor.spelling in ("pic", "PIC"):
                return True
            pending += self._children(cursor)
        return False

    def _sizeof(self, cursor: cindex.Cursor, depth: int) -> Expression:
        parts = self._parts(cursor, depth)
        return Expression("sizeof", str(_value(cursor)), parts[0].type if parts else "", 0, 0, parts)


_KIND_OF = {
    _number(kind): word
    for word, kind in {
        "block": _KINDS.COMPOUND_STMT,
        "declaration": _KINDS.DECL_STMT,
        "if": _KINDS.IF_STMT,
        "while": _KINDS.WHILE_STMT,
        "do": _KINDS.DO_STMT,
        "for": _KINDS.FOR_STMT,
        "switch": _KINDS.SWITCH_STMT,
        "case": _KINDS.CASE_STMT,
        "default": _KINDS.DEFAULT_STMT,
        "label": _KINDS.LABEL_STMT,
        "return": _KINDS.RETURN_STMT,
        "goto": _KINDS.GOTO_STMT,
        "break": _KINDS.BREAK_STMT,
        "continue": _KINDS.CONTINUE_STMT,
    }.items()
}


def _is_try(block: Block) -> bool:
    return len(block.statements) == 1 and isinstance(block.statements[0], Try)


def _type(cursor: cindex.Cursor) -> str:
    return str(cursor.type.get_canonical().spelling)


def _value(cursor: cindex.Cursor) -> int:
    result = _lib.clang_Cursor_Evaluate(cursor)
    if not result:
        return 0
    try:
        return int(_lib.clang_EvalResult_getAsLongLong(result))
    finally:
        _lib.clang_EvalResult_dispose(result)


def options(arguments: Sequence[str], file: str, resources: str) -> list[str]:
    """What the parser is told: the command without what it writes, reads ``file`` from, or is called.

    Its warnings are off: they are the compiler's business.
    """
    kept: list[str] = []
    words = iter(arguments[1:])
    for word in words:
        if word in _SKIPPED_WITH_VALUE:
            next(words, None)
        elif word not in _SKIPPED and word != file:
            kept.append(word)
    headers = ["-resource-dir", resources] if resources else []
    return [*kept, *_CONSTANTS, *headers, "-w", "-Wno-error", *_STRICTER]


def parse(root: str, directory: str, file: str, arguments: Sequence[str], resources: str) -> Unit:
    """One file of the app in ``root``, whose path in there is the unit's, compiled in ``directory``."""
    path = os.path.relpath(os.path.realpath(Path(directory, file)), root)
    try:
        unit = _index().parse(file, [f"-working-directory={directory}", *options(arguments, file, resources)])
    except cindex.TranslationUnitLoadError:
        return Unit(path, (), (), ((path, 0, "the parser gave up on it"),), ())
    return _Parser(unit, root, os.path.realpath(directory)).read(path)


@functools.cache
def _index() -> cindex.Index:
    return cindex.Index.create()


def main() -> None:
    """Answer ``{"root": …, "memory": …, "files": [[directory, file, arguments, resources], …]}``.

    It may map ``memory`` bytes.
    """
    request = json.load(sys.stdin)
    resource.setrlimit(resource.RLIMIT_AS, (request["memory"], request["memory"]))
    sys.setrecursionlimit(20_000)
    for directory, file, arguments, resources in request["files"]:
        unit = parse(request["root"], directory, file, arguments, resources)
        sys.stdout.write(json.dumps(tree.pack_unit(unit), separators=(",", ":")) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
