"""Git repositories: bare clones in the store, and the trees of their commits."""
