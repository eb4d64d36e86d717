"""The subcommands: each declares its arguments and runs. Only this package and ``cli`` print."""
