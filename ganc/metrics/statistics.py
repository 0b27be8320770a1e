"""Files of feature statistics: pytorch-fid's `mu` and `sigma`, and where they came from."""

import io
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from ganc import array_file
from ganc.errors import UserError
from ganc.metrics.frechet import gaussian_distance
from ganc.metrics.moments import Moments


_MOST = 2**30
"""Bytes; Inception's 2048 features take 34 million."""


@dataclass(frozen=True, eq=False)
class Statistics:
    """What a Frechet distance needs to know of a set of pictures.

    Attributes:
        mu: the mean feature (d), float64.
        sigma: the unbiased covariance (d d), float64.
        n: pictures; 0 where the file does not say, as pytorch-fid's do not.
        protocol: the features and the resize: `inception@299,bilinear`; empty where unknown.
        sha256: of the list of files; empty where unknown.
    """

    mu: Float[np.ndarray, " d"]
    sigma: Float[np.ndarray, "d d"]
    n: int = 0
    protocol: str = ""
    sha256: str = ""

    @classmethod
    def from_moments(cls, moments: Moments, protocol: str, sha256: str = "") -> "Statistics":
        """The statistics that moments of two rows or more amount to."""
        return cls(moments.mean, moments.covariance, moments.n, protocol, sha256)

    def distance(self, other: "Statistics") -> float:
        """The Frechet distance to `other`.

        Raises:
            UserError: they are statistics of different features, as far as they say.
        """
        if self.mu.shape != other.mu.shape:
            raise UserError(
                f"statistics of {self.mu.size} features cannot be compared with {other.mu.size}"
            )
        if self.protocol and other.protocol and self.protocol != other.protocol:
            raise UserError(
                f"statistics of {self.protocol} cannot be compared with {other.protocol}"
            )
        return gaussian_distance(self.mu, self.sigma, other.mu, other.sigma)


def save(path: str | os.PathLike[str], statistics: Statistics) -> None:
    """Writes a `.npz` that pytorch-fid and its kin read, under the name given.

    Raises:
        UserError: it cannot be written there.
    """
    buffer = io.BytesIO()
    np.savez(buffer, **vars(statistics))
    try:
        Path(path).write_bytes(buffer.getvalue())
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}") from error


def load(path: str | os.PathLike[str]) -> Statistics:
    """Reads `mu` and `sigma` of a `.npz`, and what else it says; nothing in it is run.

    Raises:
        UserError: the file cannot be read, or holds no statistics.
    """
    # A damaged file can raise nearly any exception; to a caller it is one case.
    try:
        file = array_file.read(Path(path), most=_MOST)
        mu, sigma = (np.asarray(file[name], np.float64) for name in ("mu", "sigma"))
        n = int(file["n"]) if "n" in file else 0
        protocol, sha256 = (str(file[k]) if k in file else "" for k in ("protocol", "sha256"))
    except FileNotFoundError as error:
        raise UserError(f"there is no file {path}") from error
    except Exception as error:
        reason = str(error).partition("\n")[0]
        raise UserError(
            f"cannot read the statistics {path}: {reason}; expected an .npz with mu and sigma"
        ) from error
    if mu.ndim != 1 or sigma.shape != (mu.size, mu.size):
        raise UserError(
            f"{path}: expected mu (d) and sigma (d, d), got {mu.shape} and {sigma.shape}"
        )
    if not (np.isfinite(mu).all() and np.isfinite(sigma).all()):
        raise UserError(f"{path} holds values that are not finite")
    return Statistics(mu, sigma, n, protocol, sha256)
