"""nbgrader's settings for the exercises: `nbgrader …` reads them where it is started."""

c = get_config()  # noqa: F821
c.CourseDirectory.course_id = "glm"
c.ClearSolutions.code_stub = {"python": "# your answer / 在这里作答"}
