"""What the lessons' notebooks import: corpora, figures, graphs, clusters and widgets."""
