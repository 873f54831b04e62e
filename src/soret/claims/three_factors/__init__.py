"""What decides the minima that SGD ends in: learning rate, batch size, gradient variance."""
