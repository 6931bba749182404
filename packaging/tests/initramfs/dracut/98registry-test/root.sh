#!/bin/sh
registry-scenario root
