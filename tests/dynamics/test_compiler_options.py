"""Options that a compiler lacks are left out, and those that it has are kept."""

from soret.dynamics.compiler_options import known_options


def test_options_that_the_compiler_lacks_are_left_out():
    assert known_options({"xla_cpu_no_such_option": 1}) == {}


def test_options_that_it_has_are_kept():
    has = {"xla_backend_optimization_level": 0}
    assert known_options(has | {"xla_cpu_no_such_option": 1}) == has
