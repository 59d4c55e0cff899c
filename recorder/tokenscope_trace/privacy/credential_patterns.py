"""Patterns of credentials that stand beside those of detect-secrets: tokens by the prefixes that their services document, words to which
something is assigned, and files in which a value needs no quotes. Data alone.
"""

from __future__ import annotations

import re

# (kind, pattern) of tokens; each begins where no word goes on, and has an end, so that a line is looked through once.
TOKENS = (
    *((kind, re.compile(rf"(?<![A-Za-z0-9_-])(?:{pattern})"))
    for kind, pattern in (
        ("Anthropic API Key", r"sk-ant-[A-Za-z0-9_-]{16,200}"),
        ("OpenAI Token", r"sk-(?:proj|svcacct|admin|None)-[A-Za-z0-9_-]{20,200}|sk-[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20}"),
        ("OpenRouter API Key", r"sk-or-v1-[0-9a-f]{32,64}"),
        ("Hugging Face Token", r"(?:hf|api_org)_[A-Za-z0-9]{30,40}(?![A-Za-z0-9_])"),
        ("GitHub Token", r"github_pat_[A-Za-z0-9]{16,30}_[A-Za-z0-9]{40,70}|github_pat_[A-Za-z0-9_]{36,82}"),
        ("GitLab Token", r"(?:glpat|gldt|glrt|glft|glsoat|glcbt|glptt|glimt|glagent|gloas)-[A-Za-z0-9_.-]{20,200}"),
        ("Slack Token", r"xox[abeoprs]-[A-Za-z0-9-]{10,200}|xapp-\d-[A-Za-z0-9-]{10,200}"),
        ("Google API Key", r"AIza[A-Za-z0-9_-]{35}|ya29\.[A-Za-z0-9_-]{20,200}|GOCSPX-[A-Za-z0-9_-]{28}"),
        ("AWS Access Key", r"(?:A3T[A-Z0-9]|ABIA|ACCA|AKIA|ASIA)[A-Z2-7]{16}(?![A-Za-z0-9])"),
        ("Groq API Key", r"gsk_[A-Za-z0-9]{48,56}"),
        ("xAI API Key", r"xai-[A-Za-z0-9]{70,90}"),
        ("Perplexity API Key", r"pplx-[A-Za-z0-9]{40,60}"),
        ("NVIDIA API Key", r"nvapi-[A-Za-z0-9_-]{50,80}"),
        ("Replicate Token", r"r8_[A-Za-z0-9]{37}"),
        ("Databricks Token", r"dapi[0-9a-f]{32}"),
        ("DigitalOcean Token", r"do[opr]_v1_[0-9a-f]{64}"),
        ("Docker Hub Token", r"dckr_(?:pat|oat)_[A-Za-z0-9_-]{27,40}"),
        ("npm Token", r"npm_[A-Za-z0-9]{36}"),
        ("PyPI Token", r"pypi-[A-Za-z0-9_-]{50,250}"),
        ("RubyGems Token", r"rubygems_[0-9a-f]{48}"),
        ("crates.io Token", r"cio[A-Za-z0-9]{32}(?![A-Za-z0-9])"),
        ("Stripe Access Key", r"(?:sk|rk|whsec)_(?:live_|test_)?[A-Za-z0-9]{24,120}"),
        ("Shopify Token", r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}"),
        ("SendGrid API Key", r"SG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{16,64}"),
        ("Atlassian Token", r"ATATT3[A-Za-z0-9_=-]{50,250}|ATCTT3[A-Za-z0-9_=-]{50,250}"),
        ("Linear API Key", r"lin_(?:api|oauth)_[A-Za-z0-9]{40,70}"),
        ("Notion Token", r"ntn_[A-Za-z0-9]{40,60}|secret_[A-Za-z0-9]{43}(?![A-Za-z0-9])"),
        ("Figma Token", r"figd_[A-Za-z0-9_-]{36,60}"),
        ("Grafana Token", r"gl(?:sa|c)_[A-Za-z0-9+/=_-]{32,200}"),
        ("Vault Token", r"hv[sbr]\.[A-Za-z0-9_-]{24,200}"),
        ("Supabase Token", r"sb(?:p|_secret)_[A-Za-z0-9_]{30,60}"),
        ("Tailscale Key", r"tskey-[a-z]{3,10}-[A-Za-z0-9-]{16,80}"),
        ("Postman API Key", r"PMAK-[0-9a-f]{24}-[0-9a-f]{34}"),
        ("New Relic Key", r"NR(?:AK|JS|II)-[A-Za-z0-9_-]{19,40}"),
        ("age Secret Key", r"AGE-SECRET-KEY-1[A-Z0-9]{58}"),
        ("JSON Web Token", r"eyJ[A-Za-z0-9_-]{10,700}\.eyJ[A-Za-z0-9_-]{8,700}"),
    )),
    ("password on a command line", re.compile(r"(?<!\w)-{1,2}u(?:ser)?[ =]{1,4}[\"']?[^\s:\"'$]{1,60}:(?P<value>[^\s\"'$@]{6,100})")),
    (
        "password in a connection string",
        re.compile(r"[;\"']\s{0,4}(?i:password|pwd)\s{0,4}=\s{0,4}(?P<value>[^;\"'\s{}<>$%]{5,100})(?=[;\"'])"),
    ),
    ("Private Key", re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY|PuTTY-User-Key-File-\d")),
    (
        "password in an address",
        re.compile(r"(?<![a-z0-9+.-])[a-z][a-z0-9+.-]{1,20}://[^\s/?#:@{}<>$\"'`]{0,80}:(?P<value>[^\s/?#:@{}<>$\"'`]{1,200})@"),
    ),
)  # fmt: skip
_WORD = (
    r"(?:token|passphrase|credentials?|passw(?:or)?d|pwd|secret|api_?key|access_?key|auth_?key|private_?key|client_?secret)"
)
_NAME = rf"(?<![A-Za-z0-9])[A-Za-z0-9_.-]{{0,60}}?{_WORD}[A-Za-z0-9_-]{{0,40}}[\"']?\]?"
QUOTED = re.compile(
    rf"{_NAME}\s{{0,8}}(?::\s{{0,8}}(?:str|String)\s{{0,8}})?(?::=|=>|[:=])\s{{0,8}}[rb]?[\"'`](?P<value>[^\"'`\s]{{10,200}})[\"'`]",
    re.I,
)
ELEMENT = re.compile(rf"<{_NAME}>\s{{0,8}}(?P<value>[^<>\s]{{6,200}})\s{{0,8}}</", re.I)
BARE = re.compile(rf"{_NAME}\s{{0,8}}[:=]\s{{0,8}}(?P<value>[^\s\"'`#;,(){{}}\[\]<>$&|\\]{{8,200}})", re.I)
NO_VALUE = re.compile(
    r"[$%{<]|\.{3}|^(?:https?|file)://|^[A-Za-z_]+(?:[.:/-][A-Za-z_]+)*$|^\d+$|x{4}|\*{3}|example|change.?me|your.", re.I
)
MIXED = re.compile(r"(?=.*[A-Za-z])(?=.*\d)|(?=.*[a-z])(?=.*[^\w.:/-])")
# A line in which a value needs no quotes either, and lines of one kind of file each.
COMMENT = re.compile(r"\s{0,200}(?:#|//|/?\*|--|<!--|;|%)")
NETRC = re.compile(r"(?<!\w)password\s{1,8}(?P<value>\S{6,200})")
PGPASS = re.compile(r"^[^:#]{1,200}:[^:]{1,10}:[^:]{1,100}:[^:]{1,100}:(?P<value>[^:]{4,200})$")
# Files in which a value has no quotes, and the name of that kind that detect-secrets goes by.
SETTINGS_FILES = {
    ".yml": ".yaml", ".yaml": ".yaml", ".eyaml": ".yaml", ".toml": ".toml", ".ini": ".ini", ".cfg": ".ini", ".cnf": ".ini", ".conf": ".ini",
    ".cf": ".ini", ".properties": ".ini", ".env": ".ini", ".envrc": ".ini", ".sh": ".ini", ".bash": ".ini", ".zsh": ".ini", ".ksh": ".ini",
    ".fish": ".ini", ".bashrc": ".ini", ".zshrc": ".ini", ".profile": ".ini", ".netrc": ".netrc", ".npmrc": ".ini", ".pypirc": ".ini",
    ".pgpass": ".pgpass", ".tfvars": ".ini", ".service": ".ini", ".htpasswd": ".ini", ".dockerfile": ".ini", ".containerfile": ".ini",
    ".makefile": ".ini", ".mk": ".ini", ".credentials": ".ini", ".config": ".ini", ".bash_profile": ".ini",
    ".md": ".text", ".markdown": ".text", ".txt": ".text", ".rst": ".text", ".log": ".text",
}  # fmt: skip
BY_FILE = {
    ".yaml": (BARE,), ".toml": (BARE,), ".ini": (BARE,), ".text": (BARE,), "": (BARE,), ".netrc": (NETRC,), ".pgpass": (PGPASS,),
}  # fmt: skip
