"""Squares of the faces in photographs, as a DCGAN learns from: one picture a face."""

from encoders.crops.job import CropsConfig, CropsResult, make_crops
from encoders.crops.squares import centered_square, cut_square

__all__ = ["CropsConfig", "CropsResult", "centered_square", "cut_square", "make_crops"]
