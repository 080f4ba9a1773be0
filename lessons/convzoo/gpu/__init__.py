"""The verb `gpu`: everything there is to measure on an accelerator, in one command."""
