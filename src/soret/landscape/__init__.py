"""What can be measured at a point of a loss surface: gradient noise, curvature, spectra."""
