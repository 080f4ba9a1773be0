"""An nbgrader course out of the lessons, with our marks in its gradebook."""
