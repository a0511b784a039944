"""Steps of the feature engineering, as scikit-learn transformers."""

from __future__ import annotations

from typing import Any

from sklearn.base import BaseEstimator, TransformerMixin


class _Stateless(BaseEstimator, TransformerMixin):
    def fit(self, frame: Any, y: Any = None) -> Any:
        self.is_fitted_ = True
        return self


class AddPair(_Stateless):
    """A category of decade of age and sex together."""

    def transform(self, frame: Any) -> Any:
        return frame.assign(decade_sex=(frame["age"] // 10).astype(int).astype(str) + "_" + frame["sex"].astype(str))


class SelectFeatures(_Stateless):
    """These columns only."""

    def __init__(self, features: list[str]) -> None:
        self.features = features

    def transform(self, frame: Any) -> Any:
        return frame[self.features]


class ConvertToString(_Stateless):
    """These columns as text: categories for the vectorizer."""

    def __init__(self, features: list[str]) -> None:
        self.features = features

    def transform(self, frame: Any) -> Any:
        return frame.astype(dict.fromkeys(self.features, str))


class ConvertToDict(_Stateless):
    """A dict for each row, as DictVectorizer takes them."""

    def transform(self, frame: Any) -> Any:
        return frame.to_dict(orient="records")
