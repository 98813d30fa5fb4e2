"""Destructive or injected SQL in an answer: what an answer must not hold unmarked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from bartizan.core.segment import Role
from bartizan.core.severity import Severity
from bartizan.detect.rules import Rule, Ruled
from bartizan.registry import Meta

_RULES: Sequence[Rule] = (
    Rule(
        0.75,
        "drops a table or more",
        r"(?i)\bdrop\s{1,8}(?:table|database|schema|user|role|view|index|column)\s{1,8}(?:if\s{1,8}exists\s{1,"
        r"""8})?["'`\[]?[a-z_]\w{0,60}["'`\]]?(?:\.\w{1,60})?\s{0,8}(?:;|cascade|--|$|,|\n)""",
    ),
    Rule(
        0.75,
        "empties a table",
        r"""(?i)\btruncate\s{1,8}table\s{1,8}["'`\[]?[a-z_][\w.]{0,60}""",
    ),
    Rule(
        0.7,
        "deletes every row",
        r"""(?i)\bdelete\s{1,8}from\s{1,8}["'`\[]?[a-z_][\w.]{0,60}["'`\]]?\s{0,8}(?:;|where\s{1,8}(?:1\s{0,4}="""
        r"\s{0,4}1|true\b))",
    ),
    Rule(
        0.7,
        "changes every row",
        r"""(?i)\bupdate\s{1,8}["'`\[]?[a-z_][\w.]{0,60}["'`\]]?\s{1,8}set\s{1,8}[^;\n]{1,200}\swhere\s{1,8}(?:1"""
        r"\s{0,4}=\s{0,4}1|true\b)",
    ),
    Rule(
        0.8,
        "a condition that is always true",
        r"""(?i)(?:'|"|\d|\))\s{0,4}\)?\s{0,4}(?:or|and)\s{1,4}(?:'1'\s{0,4}=\s{0,4}'1|1\s{0,4}=\s{0,4}1|'a'\s{0"""
        r""",4}=\s{0,4}'a|"1"\s{0,4}=\s{0,4}"1|true\s{0,4}(?:--|#)|''\s{0,4}=\s{0,4}')""",
    ),
    Rule(
        0.8,
        "a second query joined to the first",
        r"""(?i)(?:'|"|\d|\))\s{0,4}\)?\s{0,4}union\s{1,8}(?:all\s{1,8})?select\s{1,8}[^\n]{1,200}""",
    ),
    Rule(
        0.9,
        "a second statement after a quote",
        r"""(?i)['"]\s{0,4}\)?;\s{0,8}(?:drop|delete|insert|update|alter|exec|shutdown|create|grant)\s{1,8}[a-z_"""
        r"]\w{0,60}",
    ),
    Rule(
        0.9,
        "leaves the database for the system",
        r"(?i)\b(?:xp_cmdshell|sp_oacreate|utl_http\.request|dbms_pipe\.receive_message|pg_read_file|pg_ls_dir"
        r"""|lo_import|load_file\s{0,4}\(\s{0,4}['"]/|into\s{1,8}(?:out|dump)file\s{1,8}['"]|copy\s{1,8}\w{1,60}"""
        r"\s{1,8}(?:from|to)\s{1,8}program\s)",
    ),
    Rule(
        0.75,
        "makes the database wait",
        r"(?i)\b(?:waitfor\s{1,8}delay\s{1,8}'|pg_sleep\s{0,4}\(\s{0,4}\d|benchmark\s{0,4}\(\s{0,4}\d{5,}|slee"
        r"p\s{0,4}\(\s{0,4}\d{1,3}\s{0,4}\)\s{0,8}(?:--|#))",
    ),
    Rule(
        0.5,
        "grants every right",
        r"(?i)\bgrant\s{1,8}all(?:\s{1,8}privileges)?\s{1,8}on\s{1,8}[*\w.]{1,60}\s{1,8}to\s",
    ),
)


@dataclass(frozen=True, kw_only=True)
class Sql(Ruled):
    """Statements that destroy data, and text that breaks out of a statement."""

    meta: ClassVar[Meta] = Meta(
        id="output.sql",
        title="Destructive or injected SQL in an answer",
        why=(
            "An agent that runs what the model writes destroys tables or opens them, and a client "
            "passes injected SQL on."
        ),
        severity=Severity.HIGH,
        tags=(
            "owasp-llm:2026:LLM10",
            "owasp-agentic:2026:ASI05",
            "cwe:4:CWE-89",
        ),
        references=(
            "https://owasp.org/www-community/attacks/SQL_Injection",
            "https://arxiv.org/abs/2308.01990",
        ),
        false_positives="Migrations, and answers that teach databases or explain injection.",
        hits=(
            "DROP TABLE customers;",
            "DELETE FROM orders;",
            "delete from users where 1=1",
            "SELECT * FROM users WHERE name = '' OR '1'='1'",
            "id=5 UNION SELECT username, password FROM users",
            "x'; DROP TABLE students; --",
            "EXEC xp_cmdshell 'whoami'",
            "1; WAITFOR DELAY '0:0:5'",
            "TRUNCATE TABLE audit_log",
        ),
        misses=(
            "SELECT name FROM users WHERE id = 5;",
            "DELETE FROM orders WHERE id = 7;",
            "You can drop table reservations by phone.",
            "The union selects its leaders every year.",
            "UPDATE users SET name = 'A' WHERE id = 1;",
            "Grant all of them a day off.",
        ),
    )
    rules: ClassVar[Sequence[Rule]] = _RULES
    category: str = "sql"
    roles: tuple[Role, ...] = (Role.ASSISTANT,)
