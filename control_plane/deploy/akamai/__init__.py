"""Akamai: EdgeKV as a target, EdgeWorkers as a platform that runs the worker."""
