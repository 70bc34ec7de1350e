"""tablewatch keeps an OpenSMTPD server up when one of its table backends runs away."""

__version__ = "0.1.0"
