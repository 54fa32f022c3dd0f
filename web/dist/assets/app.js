document.body.dataset.state = "placeholder";
