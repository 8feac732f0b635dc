"""Hostile submissions, graded together with honest neighbours: no attack gains a point, reads a secret or disturbs anybody."""
