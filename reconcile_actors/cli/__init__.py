"""The command line: one command a file. Commands parse, send messages and print; they decide nothing about money."""
