"""Keras layers: judged by `check_layer`, differentiated by `layer_gradient`. Needs Keras, on any backend."""
