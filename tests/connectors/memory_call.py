"""What an operation is given, with its blobs in memory."""

from mainstay.errors import LedgerError
from mainstay.values import BlobRef, digest_of

NOW_US = 1_780_000_000_000_000  # 2026-05-28T20:26:40Z


class MemoryCall:
    def __init__(self, token="token-1", now_us=NOW_US, plan="plan-1", blobs=None, relies=None):
        self.token = token
        self.now_us = now_us
        self.plan = plan
        self.relies = relies
        self.blobs = {} if blobs is None else blobs

    def read(self, blob):
        if blob.digest not in self.blobs:
            raise LedgerError("The content is missing.")
        return self.blobs[blob.digest]

    def store(self, content, name="", media="application/octet-stream"):
        digest = digest_of(b"stored", content)
        self.blobs[digest] = content
        return BlobRef(digest, len(content), name, media)
