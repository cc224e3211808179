"""leadgate: leads in, decided on, handed over, accounted for. Start reading at app/model."""

__version__ = "0.1.0"
