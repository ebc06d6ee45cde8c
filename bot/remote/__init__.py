"""The control socket of a home: how `maf` and the agents' hooks reach the running bot.

One request per connection and one answer, JSON, a line each: {"op","params"} -> {"result"} or
{"error": {"code","message","hint","exit_code"}}. A hook sends {"hook": {…}} and gets {"result": object|null}.

client.py is standard library only and blocking, so that the command line stays quick; server.py is asyncio; lock.py
keeps two processes from acting on one home.
"""
