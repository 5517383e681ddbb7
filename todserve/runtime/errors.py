"""The errors of todserve, one tree.

    TodError
    ├── RequestError   one request is wrong; HTTP 400 for that item alone
    ├── ConfigError    a configuration or checkpoint file is wrong
    ├── ArchiveError   an archive cannot be built, verified or started
    └── CorpusError    a corpus file does not have the layout its publisher documents

Every message says what, got, expected and the fix:
``unknown task 'belief'; expected one of belief_state, dialogue_act, response, intent``.
A malformed generation is no error: the parsers return what they understood plus ``unparsed``.
"""


class TodError(Exception):
    """Anything todserve reports on purpose."""


class RequestError(TodError):
    """A request that cannot be answered as asked; becomes HTTP 400 for its own item."""


class ConfigError(TodError):
    """A configuration, schema, format or checkpoint file that contradicts itself."""


class ArchiveError(TodError):
    """An archive that cannot be built, verified, started or stopped."""


class CorpusError(TodError):
    """A corpus file that is missing or not in its publisher's layout."""
