"""Whether two columns say the same, row by row."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["same", "same_rows"]


def same(left: pd.Series[Any], right: pd.Series[Any], tolerance: float = 0.0) -> NDArray[np.bool_]:
    """For each row, by position, whether the two values are the same.

    Numbers may differ by `tolerance` of the right one, and by the smallest error of a float; moments are the
    same in whatever form; texts but for capitals and the space around them. Missing is the same as missing.
    """
    import numpy as np
    import pandas as pd
    from pandas.api import types

    left, right = left.reset_index(drop=True), right.reset_index(drop=True)
    neither = (left.isna() & right.isna()).to_numpy(bool)
    both = (left.notna() & right.notna()).to_numpy(bool)
    if types.is_bool_dtype(left.dtype) or types.is_bool_dtype(right.dtype):
        equal: Any = [_truth(a) == _truth(b) for a, b in zip(left, right, strict=True)]
    elif types.is_numeric_dtype(left.dtype) or types.is_numeric_dtype(right.dtype):
        a = pd.to_numeric(left, errors="coerce").astype("Float64").to_numpy(float, na_value=np.nan)
        b = pd.to_numeric(right, errors="coerce").astype("Float64").to_numpy(float, na_value=np.nan)
        equal = np.isclose(a, b, rtol=max(tolerance, 1e-9), atol=0.0)
    elif types.is_datetime64_any_dtype(left.dtype) or types.is_datetime64_any_dtype(right.dtype):
        moments = [pd.to_datetime(side, errors="coerce", utc=True) for side in (left, right)]
        equal = (moments[0] == moments[1]).to_numpy(bool)
    else:
        equal = [_plain(a) == _plain(b) for a, b in zip(left, right, strict=True)]
    found: NDArray[np.bool_] = neither | (both & np.asarray(equal, dtype=bool))
    return found


def same_rows(left: pd.DataFrame, right: pd.DataFrame, tolerance: float = 0.0) -> NDArray[np.bool_]:
    """For each row whether all columns of `left` say the same in `right`."""
    import numpy as np

    found = np.ones(len(left), dtype=bool)
    for name in left.columns:
        found &= same(left[name], right[name], tolerance)
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return value.strip().casefold()
    if isinstance(value, (int, float, Decimal)):
        return float(value)
    return value if isinstance(value, (list, dict)) else str(value)


def _truth(value: Any) -> Any:
    return {"true": True, "1": True, "false": False, "0": False}.get(str(value).strip().lower(), value)
