from .numeric import NumericGradient, numeric_gradient
from .compare import Comparison, compare, describe
