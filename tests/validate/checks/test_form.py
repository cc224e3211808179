def test_the_golden_cases(agrees):
    assert agrees
