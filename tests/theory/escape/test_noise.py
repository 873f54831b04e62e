"""The covariance of gradient noise, against sampled gradients."""

import numpy as np

from soret.theory import escape


def test_the_exact_covariance_is_that_of_sampled_gradients():
    """∇L∇Lᵀ with a wrong factor, or the factor for batches without replacement upside down.

    Entries are averages of 400,000 products; six standard errors: false alarms below 1e-7.
    """
    rng = np.random.default_rng(1)
    hessian = np.array([[2.0, 0.5], [0.5, 1.0]])
    z, loss, rate, batch, examples = np.array([0.7, -1.1]), 0.3, 0.2, 5, 20
    x = rng.multivariate_normal([0, 0], hessian, size=400_000)
    noise = rng.normal(scale=np.sqrt(2 * loss), size=400_000)
    gradients = x * (x @ z - noise)[:, None]
    gradients = gradients - hessian @ z
    products = gradients[:, :, None] * gradients[:, None, :]
    scale = rate**2 / batch * (examples - batch) / (examples - 1)
    found = escape.regression_noise_covariance(z, hessian, loss, rate, batch, examples)
    errors = scale * products.std(0) / np.sqrt(len(products))
    assert (abs(found - scale * products.mean(0)) < 6 * errors).all()
    # The paper's lacks (η²/B)∇L∇Lᵀ and nothing else.
    whole = loss + 0.5 * z @ hessian @ z
    paper = escape.noise_covariance(whole, hessian, rate, batch, examples)
    np.testing.assert_allclose(found - paper, scale * np.outer(hessian @ z, hessian @ z))
    assert not escape.noise_covariance(whole, hessian, rate, examples, examples).any()
