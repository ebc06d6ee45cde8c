"""Agents, a folder per question: what are they doing (state), how do they live (life), what do they get (delivery),
what do they ask (permissions), what do their hooks tell (hooks), what do they take (resources, of the machine), what
do they show (seeing).
"""
