GREETINGS = {
    "de": "Grüß dich",
    "el": "Γειά σου",
    "ja": "こんにちは",
}


def greet(language, name="🌍"):
    """Return a greeting for the name in the language, or in German."""
    if language not in GREETINGS:
        language =