"""An nbgrader course from the lessons, with our marks in its gradebook."""
