"""What a person would write without the service, at most 40 lines each; their source is printed with the numbers."""
