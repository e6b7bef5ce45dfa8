"""The pages and the REST interface of the desk: a Django project, and the only room that knows Django."""
