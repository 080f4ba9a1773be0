"""The framework's own operation behind every exercise, in the exercise's own signature.

A check compares with it, and a lesson falls back on it where the reader's own is not
there yet. No answer is among them: each calls the finished operation of torch or
torchvision, which the exercise asks to build from scratch.
"""
