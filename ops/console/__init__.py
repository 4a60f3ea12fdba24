"""The console: a server on 127.0.0.1 whose page shows the path of an event as it happens.

`server` starts it, `api` has its routes, `feed` looks at the stack, and `hub` has what the open pages are sent.
"""
