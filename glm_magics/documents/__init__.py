"""Files in a question: read under rules, measured against the tier's window, read part by part if need be."""

from glm_magics.documents.document import Document, Section
from glm_magics.documents.reading import read

__all__ = ["Document", "Section", "read"]
