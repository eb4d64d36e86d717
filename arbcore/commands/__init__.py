"""The subcommands: each adds its arguments to a parser and runs. With ``cli`` the only code that prints."""
