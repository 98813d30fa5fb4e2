"""Unsafe code in an answer: what an answer must not hold unmarked."""

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
        "evaluates input",
        r"(?i)\b(?:eval|exec)\s{0,3}\(\s{0,3}(?:input\s{0,3}\(|request\.|req\.|params\[|self\.request|sys\.arg"
        r"v|raw_input|flask\.request|user_?(?:input|code|data|expr)|data\[|\$_(?:get|post|request|cookie)|prom"
        r"pt\(|location\.|window\.location|document\.(?:url|cookie|location)|event\.data|body\b|response\.(?:t"
        r"ext|content|data|choices))",
    ),
    Rule(
        0.65,
        "loads objects from data",
        r"\b(?:c?[Pp]ickle|_pickle|dill|cloudpickle|jsonpickle|shelve|marshal|joblib)\.(?:loads?|Unpickler|dec"
        r"ode|open)\s{0,3}\(",
    ),
    Rule(
        0.65,
        "loads objects from YAML",
        r"\byaml\.(?:load|load_all|full_load|unsafe_load)\s{0,3}\([^\n]{0,120}|\bYAML\.(?:load|unsafe_load)\s{"
        r"0,3}\(",
    ),
    Rule(
        0.65,
        "starts a shell with text put together",
        r"\bsubprocess\.(?:run|call|Popen|check_output|check_call)\s{0,3}\([^\n]{0,200}shell\s{0,3}=\s{0,3}Tru"
        r'''e|\bos\.(?:system|popen)\s{0,3}\(\s{0,3}(?:f["']|[^"'\n)]{1,80}["']?\s{0,3}[+%]|["'][^"'\n]{0,200}["'''
        r"']\s{0,3}(?:\+|%|\.format)|[a-z_]{1,40}\s{0,3}\))",
    ),
    Rule(
        0.65,
        "does not check certificates",
        r"(?i)\b(?:verify\s{0,3}=\s{0,3}False\b|check_hostname\s{0,3}=\s{0,3}False|_create_unverified_context|"
        r"CERT_NONE\b|rejectUnauthorized\s{0,3}:\s{0,3}false|NODE_TLS_REJECT_UNAUTHORIZED\W{1,6}0|InsecureSkip"
        r"Verify\s{0,3}:\s{0,3}true|CURLOPT_SSL_VERIFY(?:PEER|HOST)\s{0,3},\s{0,3}(?:0|false)|ALLOW_ALL_HOSTNA"
        r"ME_VERIFIER|NoopHostnameVerifier|setHostnameVerifier\([^)\n]{0,60}true|ServerCertificateValidationCa"
        r"llback\s{0,3}\+?=[^;\n]{0,80}true|SSL_VERIFY_NONE|curl\s{1,4}(?:-k|--insecure)\b)",
    ),
    Rule(
        0.5,
        "a secret in the code",
        r"(?i)\b(?:password|passwd|pwd|secret|secret_?key|api_?key|auth_?token|access_?token|private_?key|clie"
        r"""nt_secret|db_pass\w{0,5})\s{0,3}(?::\s{0,3}(?:str|string)\s{0,3})?(?:=|:=|:)\s{0,3}["'][^"'\s$\{<]{6"""
        r""",120}["']""",
    ),
    Rule(
        0.6,
        "weak cryptography",
        r"(?i)\b(?:hashlib\.(?:md5|sha1)|md5|sha1)\s{0,3}\([^\n)]{0,80}(?:pass|pwd|secret|token)|MessageDigest"
        r"""\.getInstance\(\s{0,3}"(?:md5|sha-?1)"|createHash\(\s{0,3}["'](?:md5|sha1)["']|Cipher\.getInstance\("""
        r'\s{0,3}"(?:des|rc4|desede|aes/ecb|aes"\s{0,2}\))|\bDES\.new\(|\bARC4\.new\(|AES\.MODE_ECB|createCiph'
        r"er\(|mcrypt_encrypt|des\.NewCipher\(|rc4\.NewCipher\(|md5\.(?:New|Sum)\(|EVP_(?:des|rc4)_|EVP_aes_\d"
        r"{3}_ecb",
    ),
    Rule(
        0.75,
        "a query made of strings",
        r"(?i)(?:execute|executemany|query|raw|rawquery|prepare|exec|queryrow|executequery|executeupdate|creat"
        r"""estatement\(\)\.\w{1,20}|mysqli?_query|sqlite3_exec)\s{0,3}\([^\n]{0,60}(?:f["']{1,3}\s{0,4}(?:selec"""
        r"""t|insert|update|delete)\b[^\n]{0,200}\{|["'`]\s{0,4}(?:select|insert|update|delete)\b[^\n]{0,200}(?:"""
        r"""["']\s{0,3}[+%.]\s{0,3}[\w$(]|\$\{|["']\s{0,3}\.format\())""",
    ),
    Rule(
        0.65,
        "a query made of strings",
        r"""(?i)["'`]\s{0,4}(?:select\b[^\n"'`]{1,120}\bfrom|insert\s{1,4}into|update\b[^\n"'`]{1,80}\bset|delet"""
        r"""e\s{1,4}from)\b[^\n"`]{0,160}\b(?:where|values|like)\b[^\n"`]{0,80}["'`]\s{0,3}(?:\+|\.|\|\||%)\s{0,"""
        r"3}[\w$(]{1,60}",
    ),
    Rule(
        0.8,
        "uses a parameter of the request unchecked",
        r"\$_(?:GET|POST|REQUEST|COOKIE)\s{0,3}\[[^\]\n]{1,60}\][^;\n]{0,60}(?:\bWHERE\b|')|\b(?:system|exec|s"
        r"hell_exec|passthru|popen|proc_open|assert|unserialize|include|include_once|require|require_once|eval"
        r"|extract)\s{0,3}\(?[^;\n]{0,60}\$_(?:GET|POST|REQUEST|COOKIE|FILES)\b|\becho\s[^;\n]{0,60}\$_(?:GET|"
        r"POST|REQUEST)\b",
    ),
    Rule(
        0.65,
        "runs or reads what may be a stranger's",
        r"\b(?:Runtime\.getRuntime\(\)\.exec|new\s{1,3}ProcessBuilder)\s{0,3}\([^\n)]{0,100}(?:\+|getParameter"
        r"|args\[)|\bnew\s{1,3}ObjectInputStream\s{0,3}\(|\.readObject\s{0,3}\(\s{0,3}\)|\bBinaryFormatter\s{0"
        r",3}\(",
    ),
    Rule(
        0.65,
        "runs text or writes it into the page",
        r"\bchild_process\W{1,12}[^\n]{0,60}exec(?:Sync)?\s{0,3}\(|\bexec(?:Sync)?\s{0,3}\(\s{0,3}(?:`[^`\n]{0"
        r""",200}\$\{|["'][^"'\n]{0,200}["']\s{0,3}\+)|\bnew\s{1,3}Function\s{0,3}\(\s{0,3}[a-z_]|\.innerHTML\s{"""
        r"""0,3}\+?=\s{0,3}[^\s"'`;\n]|\bdangerouslySetInnerHTML\b|\bdocument\.write(?:ln)?\s{0,3}\([^"'\n)]{1,8"""
        r"0}|\bvm\.runInNewContext\s{0,3}\(|\bserialize\.unserialize\s{0,3}\(",
    ),
    Rule(
        0.7,
        "a shell, page or query made of strings",
        r'\bexec\.Command\s{0,3}\(\s{0,3}"(?:/bin/)?(?:ba)?sh"\s{0,3},\s{0,3}"-c"\s{0,3},\s{0,3}[^"\n]{1,120}|'
        r'\btemplate\.HTML\s{0,3}\(\s{0,3}[a-z]\w{0,40}|\bfmt\.Sprintf\s{0,3}\(\s{0,3}"\s{0,4}(?i:select|inser'
        r't|update|delete)\b[^"\n]{1,200}%[sv]',
    ),
    Rule(
        0.6,
        "writes or prints without bounds",
        r"\b(?:gets|strcpy|strcat|sprintf|vsprintf|stpcpy)\s{0,3}\(\s{0,3}[a-z_]\w{0,40}|\bscanf\s{0,3}\(\s{0,"
        r'3}"[^"\n]{0,40}%s|\b(?:printf|syslog)\s{0,3}\(\s{0,3}(?:argv\[|buf\w{0,12}\s{0,3}\)|input\w{0,12}\s{'
        r"0,3}\)|user\w{0,20}\s{0,3}\))|\bsystem\s{0,3}\(\s{0,3}(?:argv\[|buf|cmd|command|input)",
    ),
    Rule(
        0.6,
        "a protection switched off",
        r"""(?i)\bdebug\s{0,3}=\s{0,3}True[^\n]{0,40}host\s{0,3}=\s{0,3}["']0\.0\.0\.0|\bautoescape\s{0,3}=\s{0,"""
        r"""3}False|\brender_template_string\s{0,3}\([^"'\n]{1,120}|\btempfile\.mktemp\s{0,3}\(|\bmark_safe\s{0,"""
        r"3}\(\s{0,3}[a-z_]\w{0,40}|\bcsrf_exempt\b|\btorch\.load\s{0,3}\([^\n]{0,80}weights_only\s{0,3}=\s{0,"
        r'''3}False|\btrust_remote_code\s{0,3}=\s{0,3}True|\balg(?:orithms?)?["']?\s{0,3}[:=]\s{0,3}\[?\s{0,3}["'''
        r"""']none["']|["']?verify_signature["']?\s{0,3}[:=]\s{0,3}False""",
    ),
    Rule(
        0.6,
        "a secret that can be guessed",
        r"(?i)\b(?:random\.(?:random|randint|choice|choices|getrandbits)|math\.random|mt_rand|rand)\s{0,3}\([^"
        r"\n]{0,80}(?:token|password|secret|session|otp|nonce|salt)|(?:token|password|secret|session_?id|otp|n"
        r"once|salt)\w{0,20}\s{0,3}=[^\n]{0,60}\b(?:random\.(?:random|randint|choice|choices|getrandbits)|math"
        r"\.random|mt_rand|rand)\s{0,3}\(",
    ),
)


@dataclass(frozen=True, kw_only=True)
class UnsafeCode(Ruled):
    """Code that leaves a well-known hole, in the languages that people ask for most."""

    meta: ClassVar[Meta] = Meta(
        id="output.unsafe_code",
        title="Unsafe code in an answer",
        why="Code from answers is used as it is: what it leaves open, such as a query made of strings, stays open.",
        severity=Severity.MEDIUM,
        tags=(
            "owasp-llm:2026:LLM10",
            "owasp-agentic:2026:ASI05",
            "cwe:4:CWE-94",
            "cwe:4:CWE-502",
            "cwe:4:CWE-798",
        ),
        references=(
            "https://cwe.mitre.org/top25/",
            "https://arxiv.org/abs/2108.09293",
        ),
        false_positives="Code that warns of these calls, and tests or examples whose secrets are made up.",
        hits=(
            "result = eval(input('expression: '))",
            "obj = pickle.loads(data)",
            "config = yaml.load(open('c.yml'))",
            "subprocess.run(f'ping {host}', shell=True)",
            "requests.get(url, verify=False)",
            'password = "hunter2secret"',
            "digest = hashlib.md5(password.encode()).hexdigest()",
            "cursor.execute(f\"SELECT * FROM users WHERE name = '{name}'\")",
            'String q = "SELECT * FROM users WHERE id = " + id;',
            "$r = mysqli_query($db, \"SELECT * FROM t WHERE id=\" . $_GET['id']);",
            "system($_GET['cmd']);",
            'Runtime.getRuntime().exec("ping " + host);',
            "exec(`ls ${dir}`)",
            "element.innerHTML = userInput;",
            'exec.Command("sh", "-c", userInput)',
            "db.Query(fmt.Sprintf(\"SELECT * FROM users WHERE name = '%s'\", name))",
            "strcpy(buffer, argv[1]);",
            "tls.Config{InsecureSkipVerify: true}",
            "token = str(random.randint(1000, 9999))",
            "model = AutoModel.from_pretrained(name, trust_remote_code=True)",
        ),
        misses=(
            "value = ast.literal_eval(text)",
            "config = yaml.safe_load(text)",
            'subprocess.run(["ping", host], check=True)',
            "requests.get(url, timeout=5)",
            'password = os.environ["DB_PASSWORD"]',
            'cursor.execute("SELECT * FROM users WHERE name = %s", (name,))',
            "element.textContent = userInput;",
            "strncpy(buffer, source, sizeof buffer);",
            "token = secrets.token_urlsafe(32)",
            "The exec of the company gave a talk.",
        ),
    )
    rules: ClassVar[Sequence[Rule]] = _RULES
    category: str = "unsafe_code"
    roles: tuple[Role, ...] = (Role.ASSISTANT,)
