/// Empty: this file exists so that one target owns the precompiled header that the test programs share.
