require "fileinto"; fileinto "before-stop"; stop;
