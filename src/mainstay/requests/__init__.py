"""What an operator can ask of a workspace's owner: start a plan, answer a question, undo, follow.

Every request is a method name with plain parameters, the same from this process and through the socket. `methods.py`
holds them all. Nothing is imported here: those who only look need a part of it, and start sooner without the rest.
"""
