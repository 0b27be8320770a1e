import numpy as np

from ganc.losses.content_style import ContentStyle, content_style
from ganc.losses.perceptual import gram


def test_the_published_gram_matrix():
    """F of 3 channels and 2x2 places, 0 to 11 over 10; Wang et al. 2020, released code."""
    x = np.float32(np.arange(12).reshape(3, 2, 2).transpose(1, 2, 0) / 10)[None]
    np.testing.assert_allclose(gram(x)[0, 0], [0.0116667, 0.0316667, 0.0516667], rtol=1e-5)


def test_terms_by_hand():
    student, teacher = np.zeros((1, 1, 2, 3), np.float32), np.full((1, 1, 2, 3), 0.5, np.float32)

    def features(x):
        return [x, 2 * x], x

    found = content_style(ContentStyle(style=10.0), features, student, teacher)
    # Gram matrices of the teacher: 0.25 * 2 / 6 everywhere, and four times that.
    grams = (0.5 / 6) ** 2 + (2 / 6) ** 2
    np.testing.assert_allclose(found["content"], 0.5)
    np.testing.assert_allclose(found["style"], 10 * grams, rtol=1e-6)
    (mse,) = content_style(ContentStyle("mse"), features, student, teacher).values()
    np.testing.assert_allclose(mse, 0.25)
