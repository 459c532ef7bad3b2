"""The archive: releases, heads and a lock in S3."""
