"""Exact routing histograms of Mixture-of-Experts models while they train."""
