"""The rows of the table of functions that are about text."""

from __future__ import annotations

from collections.abc import Sequence

from rollcall.provisioning import functions_choice, functions_text
from rollcall.provisioning.functions_model import Example, Function, parameters


def _replace_shape(given: Sequence[bool]) -> str | None:
    padded = [*given, *[False] * (7 - len(given))]
    return (
        None
        if functions_choice.replace_mode(padded)
        else f"these arguments go with none of its modes. {functions_choice.REPLACE_MODES}"
    )


TEXT_FUNCTIONS = (
    Function(
        name="Append",
        parameters=parameters("source S, suffix S"),
        result="S",
        meaning="source followed by suffix.",
        example=Example('Append("smtp:", [mail])', {"mail": "a.b@contoso.com"}, "smtp:a.b@contoso.com"),
        call=functions_text.append,
        null_through=True,
    ),
    Function(
        name="ConvertFromBase64",
        parameters=parameters("source S, encoding O?"),
        result="S",
        meaning="Decodes base64; the encoding is Unicode (UTF-16LE, the default), ASCII or UTF8, without quotes.",
        errors=("text that is not base64 in that encoding",),
        example=Example('ConvertFromBase64("SGVsbG8gd29ybGQh", UTF8)', {}, "Hello world!"),
        call=functions_text.from_base64,
        null_through=True,
        cloud_sync_only=True,
    ),
    Function(
        name="ConvertToBase64",
        parameters=parameters("source S"),
        result="S",
        meaning="base64 of the UTF-16LE bytes, without a byte order mark.",
        example=Example('ConvertToBase64("Hello world!")', {}, "SABlAGwAbABvACAAdwBvAHIAbABkACEA"),
        call=functions_text.to_base64,
        null_through=True,
    ),
    Function(
        name="ConvertToUTF8Hex",
        parameters=parameters("source S"),
        result="S",
        meaning="The UTF-8 bytes in upper-case hexadecimal.",
        example=Example("ConvertToUTF8Hex([x])", {"x": "é"}, "C3A9"),
        call=functions_text.to_utf8_hex,
        null_through=True,
    ),
    Function(
        name="DNComponent",
        parameters=parameters("dn S, number N"),
        result="S",
        meaning="The value of the n-th component of a distinguished name from the left, without its type; null if there are fewer.",
        example=Example("DNComponent([dn], 1)", {"dn": "cn=Joe,ou=Sales,dc=contoso,dc=com"}, "Joe"),
        call=functions_text.dn_component,
        null_through=True,
        cloud_sync_only=True,
    ),
    Function(
        name="InStr",
        parameters=parameters("value1 S_, value2 S, start N?, compareType O?"),
        result="N",
        meaning="The position (from 1) of value2 in value1, looking from start on; 0 if it is absent or value1 is null. vbTextCompare ignores case, vbBinaryCompare (the default) does not.",
        errors=("start below 1",),
        example=Example('InStr("repEated", "e", 3, vbBinaryCompare)', {}, 7),
        call=functions_text.in_str,
    ),
    Function(
        name="Join",
        parameters=parameters("separator S_, source E_*"),
        result="S",
        meaning="The sources with the separator between them; a list gives each of its values. Null and empty values add neither text nor separator.",
        example=Example(
            'Join(" ", [givenName], [middleName], [surname])', {"givenName": "John", "surname": "Doe"}, "John Doe"
        ),
        call=functions_text.join,
    ),
    Function(
        name="Left",
        parameters=parameters("string S_, numChars N"),
        result="S",
        meaning="The first characters. 0 gives empty text, a number below 0 the whole text, null empty text.",
        example=Example('Left("John Doe", 3)', {}, "Joh"),
        call=functions_text.left,
    ),
    Function(
        name="Mid",
        parameters=parameters("source S, start N, length N"),
        result="S",
        meaning="Characters from start (the first is 1) on. A length past the end takes the rest, a start past the end gives empty text.",
        errors=("start below 1", "length below 0"),
        example=Example('Mid("abcdef", 2, 3)', {}, "bcd"),
        call=functions_text.mid,
        null_through=True,
    ),
    Function(
        name="NormalizeDiacritics",
        parameters=parameters("source S"),
        result="S",
        meaning="Letters with marks become plain letters: é to e, ä to a (not ae), and æ to ae, ø and œ to oe, ß to ss, ł to l, ı to i.",
        example=Example("NormalizeDiacritics([surname])", {"surname": "García-Łęcki"}, "Garcia-Lecki"),
        call=functions_text.normalize_diacritics,
        null_through=True,
    ),
    Function(
        name="Not",
        parameters=parameters("source E"),
        result="S",
        meaning='"False" when source is "True", else "True", also for null.',
        example=Example("Not([IsSoftDeleted])", {"IsSoftDeleted": "True"}, "False"),
        call=functions_text.opposite,
    ),
    Function(
        name="PCase",
        parameters=parameters("source S, wordSeparators S?"),
        result="S",
        meaning="The first letter of each word in upper case, all others in lower case. Without wordSeparators, blanks, punctuation, dashes, brackets and symbols end a word, a straight apostrophe does not; with them, only these do.",
        example=Example('PCase([lastName], " \'-")', {"lastName": "PINTO-DE'SILVA"}, "Pinto-De'Silva"),
        call=functions_text.p_case,
        null_through=True,
    ),
    Function(
        name="RandomString",
        parameters=parameters("length N, minNumbers N, minSpecial N, minCapital N, minLower N, avoid S?"),
        result="S",
        meaning="Random text with at least so many digits, special characters, capitals and small letters, without the characters in avoid. Characters beyond the minima come from the kinds with a minimum above 0.",
        errors=("length above 256", "length below the sum of the minima", "avoid leaves nothing of a kind needed"),
        example=Example('RandomString(6, 3, 0, 0, 3, "0l1")', {}, matches="^[2-9a-km-z]{6}$"),
        call=functions_text.random_string,
        needs_context=True,
        deterministic=False,
    ),
    Function(
        name="Replace",
        parameters=parameters(
            "source S, oldValue S? Find, regexPattern S?, regexGroupName S?, replacementValue S? Replacement, "
            "replacementAttributeName A?, template S?"
        ),
        result="S",
        meaning="Case-sensitive, in one of five modes. oldValue and replacementValue: every oldValue is replaced. oldValue and template: oldValue in the template is replaced by source. regexPattern and replacementValue: every match is replaced, with ${name} or $1 for a group. regexPattern, regexGroupName and replacementValue: only the group's text in each match is replaced. regexPattern, regexGroupName and replacementAttributeName: source if it has a value, else the group taken from the other attribute. Without a match source stays as it is.",
        errors=(
            "arguments that go with none of the modes",
            "a pattern that is no .NET regular expression, or takes too long",
            "a group that the pattern does not have",
        ),
        example=Example(
            'Replace([mobile], , "[()\\\\s-]+", , "", , )', {"mobile": "+1 (555) 123-4567"}, "+15551234567"
        ),
        build=functions_choice.replace,
        check_shape=_replace_shape,
    ),
    Function(
        name="Split",
        parameters=parameters("source S, delimiter S"),
        result="L",
        meaning="A list of the pieces between the delimiters, without blanks around them.",
        example=Example('Split([x], ",")', {"x": "red, blue"}, ["red", "blue"]),
        call=functions_text.split,
        null_through=True,
    ),
    Function(
        name="StringFromSid",
        parameters=parameters("sid E"),
        result="S",
        meaning="A binary security identifier in the form S-1-…",
        errors=("a value that is no security identifier",),
        example=Example("StringFromSid([objectSid])", {"objectSid": "AQEAAAAAAAEAAAAA"}, "S-1-1-0"),
        call=functions_text.string_from_sid,
        null_through=True,
        cloud_sync_only=True,
    ),
    Function(
        name="StripSpaces",
        parameters=parameters("source S"),
        result="S",
        meaning="Without any blanks (U+0020), inside too.",
        example=Example("StripSpaces([x])", {"x": " Jan van der Berg "}, "JanvanderBerg"),
        call=functions_text.strip_spaces,
        null_through=True,
    ),
    Function(
        name="ToLower",
        parameters=parameters("source S, culture S?"),
        result="S",
        meaning="In lower case, by the invariant culture or the named one (tr-TR knows the dotless i).",
        errors=("text that is no name of a culture",),
        example=Example('ToLower([x], "tr-TR")', {"x": "TITLE"}, "tıtle"),
        call=functions_text.to_lower,
        null_through=True,
    ),
    Function(
        name="ToUpper",
        parameters=parameters("source S, culture S?"),
        result="S",
        meaning="In upper case, by the invariant culture or the named one.",
        errors=("text that is no name of a culture",),
        example=Example("ToUpper(Left([givenName], 1))", {"givenName": "ann"}, "A"),
        call=functions_text.to_upper,
        null_through=True,
    ),
    Function(
        name="Trim",
        parameters=parameters("value E"),
        result="E",
        meaning="Without blanks at both ends; of a list, each value.",
        example=Example("Trim([x])", {"x": [" a", "b c "]}, ["a", "b c"]),
        call=functions_text.trim,
        null_through=True,
        cloud_sync_only=True,
    ),
    Function(
        name="Word",
        parameters=parameters("string S_, number N, delimiters S"),
        result="S",
        meaning="The n-th piece when each character of delimiters separates; empty text if there is none.",
        example=Example('Word("This,string!has&many separators", 3, ",!&#")', {}, "has"),
        call=functions_text.word,
    ),
)
