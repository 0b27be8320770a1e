"""One program in several processes, as a rule one a host, by JAX's own distributed runtime."""

from ganc.hosts.exchange import agreed, barrier, count, everyone, first, gather, index, leads, share

__all__ = ["agreed", "barrier", "count", "everyone", "first", "gather", "index", "leads", "share"]
