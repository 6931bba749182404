#!/bin/sh
registry-scenario early
